"""The default submission `wing_pattern_sgd` and its training."""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from kit.markdown import read_block, write_block
from tests.support.hybrid_data import copy_sample, write_table
from tests.support.retrieval import load_model, model_module
from training.hybrid import wing_pattern_sgd
from wildlife_wings.find_wings import read_small
from wildlife_wings.pattern_features import image_pattern_map

ROOT = Path(__file__).parents[3]
SUBMISSION = ROOT / "submissions" / "wing_pattern_sgd"
SAMPLE = ROOT / "sample_data" / "hybrid"


@pytest.fixture(scope="module")
def model() -> Any:
    return load_model(SUBMISSION)


@pytest.fixture(scope="module")
def development() -> list[Path]:
    return sorted((SAMPLE / "input_data" / "development").glob("*.jpg"))


def butterfly(
    angle: float = 0.0, scale: float = 1.0, shift: tuple[float, float] = (0, 0)
) -> Image.Image:
    """A drawn butterfly: red forewing band, pale hindwing bar; turned clockwise by degrees."""
    turn = np.deg2rad(angle)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])

    def place(points: Sequence[tuple[float, float]], side: int) -> list[tuple[float, float]]:
        flat = np.array(points) * [side, 1] * scale
        return [(x, y) for x, y in flat @ rotation + [320 + shift[0], 240 + shift[1]]]

    image = Image.new("RGB", (640, 480), (226, 224, 218))
    draw = ImageDraw.Draw(image)
    for side in (-1, 1):
        for points, colour in (
            ([(0, -20), (60, -75), (150, -95), (170, -80), (130, -10), (10, 10)], (40, 30, 28)),
            ([(0, 0), (110, 0), (100, 60), (60, 95), (12, 70)], (40, 30, 28)),
            ([(100, -70), (125, -80), (128, -20), (100, -15)], (210, 80, 40)),
            ([(20, 28), (85, 18), (85, 30), (20, 40)], (225, 215, 120)),
        ):
            draw.polygon(place(points, side), fill=colour)
    draw.polygon(place([(-7, -35), (7, -35), (7, 60), (-7, 60)], 1), fill=(25, 20, 20))
    return image


def noise(shape: tuple[int, ...], dtype: type = np.uint8, top: int = 256) -> NDArray[Any]:
    return np.random.default_rng(3).integers(0, top, shape).astype(dtype)


def palette_with_transparency() -> Image.Image:
    image = butterfly().quantize(16)
    image.info["transparency"] = 0
    return image


ODD_IMAGES: dict[str, Callable[[], Image.Image]] = {
    "one pixel": lambda: Image.new("RGB", (1, 1), (9, 9, 9)),
    "one row": lambda: Image.fromarray(noise((1, 300, 3))),
    "one column": lambda: Image.fromarray(noise((300, 1, 3))),
    "extremely wide": lambda: Image.fromarray(noise((2, 5000, 3))),
    "black": lambda: Image.new("RGB", (90, 60)),
    "white": lambda: Image.new("RGB", (90, 60), (255, 255, 255)),
    "noise": lambda: Image.fromarray(noise((60, 90, 3))),
    "bilevel": lambda: butterfly().convert("1"),
    "greyscale": lambda: butterfly().convert("L"),
    "greyscale with alpha": lambda: butterfly().convert("LA"),
    "RGBA, clear": lambda: Image.new("RGBA", (80, 50), (0, 0, 0, 0)),
    "palette": lambda: butterfly().quantize(16),
    "palette with transparency": palette_with_transparency,
    "CMYK": lambda: butterfly().convert("CMYK"),
    "YCbCr": lambda: butterfly().convert("YCbCr"),
    "HSV": lambda: butterfly().convert("HSV"),
    "LAB": lambda: Image.new("LAB", (40, 30), (128, 130, 120)),
    "16 bit": lambda: Image.fromarray(noise((50, 70), np.uint16, 65536)),
    "32 bit integers": lambda: Image.fromarray(noise((50, 70), np.int32, 70000)),
    "floating point with NaN": lambda: Image.fromarray(
        np.where(noise((50, 70)) > 250, np.nan, noise((50, 70))).astype(np.float32)
    ),
}


@pytest.mark.parametrize("name", ODD_IMAGES)
def test_an_odd_image_gets_a_finite_python_float(model: Any, name: str) -> None:
    score = model.predict(ODD_IMAGES[name]())
    assert type(score) is float
    assert math.isfinite(score)


def test_a_batch_scores_exactly_as_one_by_one(model: Any, development: list[Path]) -> None:
    def preprocess(path: Path) -> Any:
        with Image.open(path) as image:
            return model.preprocess(image)

    batch = [preprocess(path) for path in development[:20]]
    together = model.predict_batch(batch)
    assert together == [model.predict_batch([one])[0] for one in batch]
    with Image.open(development[0]) as image:
        assert model.predict(image) == together[0]


def test_predicting_before_load_says_so() -> None:
    unloaded = model_module(SUBMISSION).Model()
    with pytest.raises(RuntimeError, match=r"load\(\)"):
        unloaded.predict(butterfly())


@pytest.mark.parametrize(
    "pose",
    [
        {"angle": 12.0},
        {"angle": -25.0},
        {"angle": 90.0},
        {"angle": 180.0},
        {"scale": 0.6},
        {"scale": 1.3},
        {"shift": (60.0, -40.0)},
        {"angle": 200.0, "scale": 0.7, "shift": (-70.0, 30.0)},
    ],
    ids=str,
)
def test_alignment_undoes_rotation_scale_and_shift(pose: dict[str, Any]) -> None:
    upright = image_pattern_map(butterfly())[..., :3]
    moved = image_pattern_map(butterfly(**pose))[..., :3]
    unaligned = np.abs(upright - np.roll(upright, 2, axis=0)).mean()
    assert np.abs(upright - moved).mean() < 0.3 * unaligned


def test_light_and_white_balance_hardly_matter() -> None:
    image = butterfly()
    dim = Image.fromarray((np.asarray(image) * [0.7, 0.62, 0.5]).astype(np.uint8))
    assert np.abs(image_pattern_map(image) - image_pattern_map(dim)).max() < 0.03


def test_label_and_ruler_are_not_taken_for_wings() -> None:
    cluttered = butterfly()
    draw = ImageDraw.Draw(cluttered)
    draw.rectangle((500, 400, 620, 460), fill=(250, 250, 245), outline=(60, 60, 60))
    draw.text((510, 410), "CAM 1234", fill=(0, 0, 0))
    draw.rectangle((20, 455, 320, 475), fill=(240, 235, 190), outline=(0, 0, 0))
    assert np.abs(image_pattern_map(butterfly()) - image_pattern_map(cluttered)).max() < 0.02


def test_a_mirrored_image_scores_nearly_the_same(model: Any) -> None:
    image = butterfly(angle=8)
    mirrored = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert np.abs(image_pattern_map(image) - image_pattern_map(mirrored)).max() < 0.08


def test_a_large_jpeg_is_decoded_at_reduced_scale(tmp_path: Path) -> None:
    large = butterfly().resize((3200, 2400), Image.Resampling.BICUBIC)
    large.save(tmp_path / "large.jpg", quality=95)
    with Image.open(tmp_path / "large.jpg") as image:
        reduced = image_pattern_map(image)
        assert max(image.size) <= 800
    with Image.open(tmp_path / "large.jpg") as image:
        full = image_pattern_map(image.convert("RGB"))
    assert np.abs(reduced - full).mean() < 0.01


def test_the_exif_orientation_is_followed(tmp_path: Path) -> None:
    turned = butterfly().transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as image:
        assert np.abs(read_small(image) - read_small(butterfly())).mean() < 1.0


def test_scores_of_the_sample_development_task_hardly_tie() -> None:
    """The stored scores; tests/submissions compares them with those of the model."""
    stored = ROOT / "tests" / "scores" / "wing_pattern_sgd" / "development.predictions.txt"
    with stored.open(newline="", encoding="utf-8") as file:
        scores = [score for _, score in csv.reader(file)]
    assert len(scores) > 200
    assert len(set(scores)) >= 0.98 * len(scores)


def small_training_folder(target: Path) -> list[dict[str, str]]:
    """Six images each of four subspecies, then three hybrids of the sample's training data."""
    return copy_sample(target, ("0.0", "1.0", "11.0", "13.0"), each=6, hybrids=3)


@pytest.fixture(scope="module")
def training() -> ModuleType:
    return wing_pattern_sgd


def test_training_twice_gives_the_same_bytes_and_a_working_submission(
    training: ModuleType, tmp_path: Path
) -> None:
    small_training_folder(tmp_path / "data")
    for name in ("first", "second"):
        arguments = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / name)]
        assert training.main(arguments) == 0
    written = sorted(p.relative_to(tmp_path / "first") for p in (tmp_path / "first").rglob("*.*"))
    made = {"config.json", "weights/wing_pattern.npz", "weights.json"}
    assert {str(path) for path in written} >= made
    for path in written:
        first, second = ((tmp_path / n / path).read_bytes() for n in ("first", "second"))
        assert first == second, path
    assert math.isfinite(load_model(tmp_path / "first").predict(butterfly()))


def test_the_manifest_tells_the_truth() -> None:
    manifest = json.loads((SUBMISSION / "weights.json").read_text(encoding="utf-8"))
    [entry] = manifest["files"]
    content = (SUBMISSION / entry["path"]).read_bytes()
    assert entry["bytes"] == len(content) <= 2 * 1024 * 1024
    assert entry["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_bad_table_is_refused_with_every_reason(
    training: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = small_training_folder(tmp_path)
    rows[4]["hybrid_stat"] = "maybe"
    rows[6]["filename"] = "missing.jpg"
    rows[8]["subspecies"] = "alone"
    rows[10]["filename"] = rows[11]["filename"]
    write_table(tmp_path, rows)
    assert training.main(["--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    message = capsys.readouterr().err
    for part in ("line 6", "'maybe'", "missing.jpg", "'alone' has 1 image", "listed 2 times"):
        assert part in message
    assert not (tmp_path / "out").exists()


def test_unreadable_images_are_all_named(
    training: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = small_training_folder(tmp_path)
    names = [rows[k]["filename"] for k in (5, 9)]
    (tmp_path / "images" / names[0]).write_text("not an image")
    broken = tmp_path / "images" / names[1]
    broken.write_bytes(broken.read_bytes()[:700])
    assert training.main(["--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    message = capsys.readouterr().err
    assert all(name in message for name in names)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "train.csv and images/"),
        ("filename,subspecies\nx.jpg,1\n", "['hybrid_stat'] are missing"),
        ("filename,hybrid_stat,subspecies\n", "no rows"),
    ],
    ids=["no table", "no column", "no rows"],
)
def test_an_unusable_table_is_explained(
    training: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: str | None,
    expected: str,
) -> None:
    if content is not None:
        (tmp_path / "train.csv").write_text(content, encoding="utf-8")
    assert training.main(["--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert expected in capsys.readouterr().err


def test_a_block_between_markers_is_replaced_and_the_rest_kept(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- scores:begin -->\nold\n<!-- scores:end -->\nafter\n")
    write_block(page, "scores", "new")
    assert page.read_text() == "before\n<!-- scores:begin -->\nnew\n<!-- scores:end -->\nafter\n"
    assert read_block(page, "scores").strip() == "new"
    page.write_text("no markers\n")
    with pytest.raises(ValueError, match="scores:begin"):
        write_block(page, "scores", "new")
