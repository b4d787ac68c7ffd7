"""Large photographs: training sees what serving sees, holds none, and answers as for small ones."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.retrieval import SUBMISSIONS, load_model, spotted, write_metadata
from training.common.errors import DataError
from training.reid import images as images_module
from training.reid.database import read_database
from training.reid.embedding import descriptors
from training.reid.embedding.descriptors import embed, read_descriptor
from training.reid.images import ServedImages
from training.reid.matching import sift
from wildlife_image.rgb import to_rgb
from wildlife_reid.served_image import longest_side, served_image

SAMPLE = Path(__file__).parents[3] / "sample_data" / "reid" / "train"
TIMES = 6

pytestmark = pytest.mark.usefixtures("one_thread")


def enlarged(source: Path, times: int, path: Path) -> None:
    """Write an image as a JPEG with so many times its width and height."""
    with Image.open(source) as image:
        size = (image.width * times, image.height * times)
        image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(path, quality=95)


def sample(folder: Path, dataset: str, individuals: int, times: int) -> Path:
    """A database of the first individuals of one dataset of the sample, enlarged."""
    with (SAMPLE / "metadata.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["dataset"] == dataset]
    names = sorted({row["identity"] for row in rows})[:individuals]
    (folder / "images").mkdir(parents=True)
    with (folder / "metadata.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            if row["identity"] in names:
                path = f"images/{Path(row['path']).stem}.jpg"
                enlarged(SAMPLE / row["path"], times, folder / path)
                writer.writerow({**row, "path": path})
    return folder


@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_a_large_image_comes_smaller_and_upright(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"large.{kind}"
    exif = Image.Exif()
    exif[0x0112] = 6
    spotted(1).resize((1600, 1200)).save(path, exif=exif)
    with Image.open(path) as image:
        seen = served_image(image, 384)
    assert seen.mode == "RGB"
    assert 384 <= seen.height < 2 * 384
    assert seen.width / seen.height == pytest.approx(0.75, abs=0.01)


def test_an_image_that_is_small_already_keeps_its_pixels() -> None:
    """So the shipped submissions see the sample as before."""
    for path in sorted((SAMPLE / "images").rglob("*.jpg"))[::150]:
        with Image.open(path) as first, Image.open(path) as second:
            seen = served_image(first, longest_side(64))
            assert np.array_equal(np.asarray(seen), np.asarray(to_rgb(second)))


def test_no_image_is_held_and_none_is_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    animals = [(f"a{n}", "fish", spotted(n).resize((2400, 1800))) for n in range(6)]
    database = read_database(write_metadata(tmp_path / "data", animals))
    seen: list[weakref.ref[Image.Image]] = []
    alive, sides = [], []

    def watched(image: Image.Image, longest: int) -> Image.Image:
        alive.append(sum(one() is not None for one in seen))
        made = served_image(image, longest)
        seen.append(weakref.ref(made))
        sides.append(max(made.size))
        return made

    monkeypatch.setattr(images_module, "served_image", watched)
    monkeypatch.setattr(sift, "DEFAULT_FOLDER", tmp_path / "features")
    sift.sift_features(ServedImages(database.paths, 352), sift.SETTINGS)
    assert len(seen) == 2 * len(database)  # checked, then used
    assert max(alive) <= 1
    assert max(sides) < 2 * 704


def test_all_images_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    spotted(1).save(tmp_path / "good.png")
    for name in ("one.jpg", "two.jpg"):
        (tmp_path / name).write_bytes(b"no image")
    paths = [tmp_path / name for name in ("one.jpg", "good.png", "two.jpg")]
    with pytest.raises(DataError, match=r"(?s)2 of 3 images.*one\.jpg.*two\.jpg"):
        ServedImages(paths, 64)


def test_the_sample_enlarged_six_times_looks_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (sift, descriptors):
        monkeypatch.setattr(module, "DEFAULT_FOLDER", tmp_path / "features")
    folder = SUBMISSIONS / "megadescriptor_cosine"
    descriptor, found, matches = read_descriptor(folder), [], []
    for times in (1, TIMES):
        database = read_database(sample(tmp_path / str(times), "cat", 6, times))
        images = ServedImages(database.paths, sift.SETTINGS.image_size, 64)
        found.append(embed(descriptor, folder, database, images).astype(np.float64))
        matcher, rows = sift.sift_matcher(images), np.arange(len(database))
        table = np.stack([matcher.score(row, rows) for row in range(len(database))])
        matches.append(table[np.triu_indices(len(table), 1)])
    alike = (found[0] * found[1]).sum(axis=1)
    other = found[0] @ found[1].T
    assert alike.min() > 0.9
    assert (other.argmax(axis=1) == np.arange(len(other))).all()
    assert np.min(np.corrcoef(matches)) > 0.9


BUILD = """
import resource, sys
from training.reid.open_set_ensemble.__main__ import main
status = main(["--data", sys.argv[1], "--out", sys.argv[2]])
print("PEAK", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(status)
"""


@pytest.mark.slow
def test_a_submission_of_large_images_answers_alike_in_the_same_memory(tmp_path: Path) -> None:
    peaks, answers, thresholds = [], [], []
    for times in (1, TIMES):
        data, out = sample(tmp_path / f"data{times}", "cat", 40, times), tmp_path / f"out{times}"
        ended = subprocess.run(
            [sys.executable, "-c", BUILD, str(data), str(out)],
            capture_output=True, text=True, check=False, cwd=SUBMISSIONS.parent,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        peaks.append(int(ended.stdout.split("PEAK")[1]))
        model, named = load_model(out), []
        query = SAMPLE.parent / "input_data" / "final"
        for path in sorted(query.glob("*.jpg"))[:120]:
            enlarged(path, times, tmp_path / "query.jpg")
            with Image.open(tmp_path / "query.jpg") as image:
                named.append(model.predict(image, {"dataset": "cat"}))
        answers.append(np.array(named))
        thresholds.append(json.loads((out / "config.json").read_text())["thresholds"]["cat"])
    assert peaks[1] < 1.15 * peaks[0]
    assert np.mean(answers[0] == answers[1]) > 0.75
    assert 0 < np.mean(answers[1] == "new_individual") < 1
