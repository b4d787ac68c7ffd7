"""`--features`: embeddings of `kit predict` in the place of a script's own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.retrieval import draw_database, load_model, spotted
from training.reid import wildfusion
from training.reid.database import read_database
from training.reid.embedding import descriptors
from training.reid.embedding.descriptors import embed, read_descriptor
from training.reid.images import ServedImages
from training.reid.matching import pairs, sift
from training.reid.options import SUBMISSIONS

pytest.importorskip("pyarrow", reason="kit predict needs pyarrow (the extra predict)")
pytestmark = pytest.mark.usefixtures("one_thread")
DESCRIPTOR = SUBMISSIONS / "megadescriptor_cosine"


@pytest.fixture(scope="module")
def predicted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small database in `data` and its embeddings in `rows`."""
    folder = tmp_path_factory.mktemp("predicted")
    images = draw_database(folder / "data") / "images"
    for order in (
        ["predict", DESCRIPTOR, images, "--out", "rows", "--features"],
        ["merge", "rows"],
    ):
        command = [sys.executable, "-m", "kit", *map(str, order)]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def work(predicted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder, with caches of its own."""
    copy = Path(shutil.copytree(predicted, tmp_path / "copy"))
    monkeypatch.setattr(pairs, "RUNS", copy / "runs")
    for module in (sift, descriptors):
        monkeypatch.setattr(module, "DEFAULT_FOLDER", copy / "features")
    return copy


def command(work: Path) -> list[str]:
    return [
        "--data", str(work / "data"), "--out", str(work / "out"), "--features", str(work / "rows"),
    ]  # fmt: skip


def test_they_are_those_that_the_script_computes(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, config = read_database(work / "data"), read_descriptor(DESCRIPTOR)
    size = int(config["network"]["image_size"])
    own = embed(config, DESCRIPTOR, database, ServedImages(database.paths, size))

    def never(*_: object) -> None:
        raise AssertionError("computed what was to be taken over")

    monkeypatch.setattr(descriptors, "embed", never)
    assert wildfusion.main(command(work)) == 0
    with np.load(work / "out" / "weights" / "gallery.npz") as gallery:
        np.testing.assert_allclose(gallery["embeddings"], own, atol=0.002)
    source = json.loads((work / "out" / "weights.json").read_text())["files"][0]["source"]
    assert f"--features {work / 'rows'}" in source
    assert load_model(work / "out").predict(spotted(3), {"dataset": "fish"}) == "fish_3"


def test_those_of_another_network_are_refused(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Path(shutil.copytree(DESCRIPTOR, work / "other"))
    (other / "config.json").write_text((other / "config.json").read_text() + "\n")
    assert wildfusion.main([*command(work), "--descriptor", str(other)]) == 1
    message = capsys.readouterr().err
    assert f"expected features of {other}" in message
    assert "found those of megadescriptor_cosine" in message
    assert not (work / "out").exists()


def test_an_image_without_features_is_named(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = read_database(work / "data").paths[0]
    image.write_bytes(image.read_bytes() + b" ")
    assert wildfusion.main(command(work)) == 1
    assert f"{image.name}: {image.stat().st_size - 1} bytes then" in capsys.readouterr().err


def test_a_folder_without_features_is_one_message(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(work / "rows")
    assert wildfusion.main(command(work)) == 1
    assert "expected a folder that `kit predict` wrote" in capsys.readouterr().err
