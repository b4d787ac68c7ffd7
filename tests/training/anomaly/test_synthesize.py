"""Synthetic frames: cut-outs, determinism, boxes, and the table of sources."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.camera_frames import draw_frames
from training.anomaly.camera_traps import IMAGES, Box, read_camera_traps
from training.anomaly.synthesize import cut_out, main, painted_over


def make(data: Path, out: Path, *more: str) -> int:
    return main(["--data", str(data), "--out", str(out), "--count", "5", *more])


def test_grabcut_keeps_the_animal_and_leaves_the_background() -> None:
    image = np.random.default_rng(0).integers(90, 130, (60, 80, 3), dtype=np.uint8)
    image[20:40, 30:50] = (220, 30, 30)
    animal = cut_out(image, Box("finch", 26, 16, 28, 28), "a.png")
    assert animal is not None
    truth = np.zeros((28, 28), bool)
    truth[4:24, 4:24] = True
    found = animal.alpha > 0.5
    assert (found & truth).sum() / (found | truth).sum() > 0.9
    assert cut_out(image, Box("finch", 0, 0, 3, 3), "a.png") is None
    assert cut_out(image, Box("finch", 0, 0, 80, 60), "a.png") is None


def test_an_animal_is_painted_over() -> None:
    image = np.full((40, 40, 3), 100, np.uint8)
    image[10:20, 10:20] = 255
    filled = painted_over(image, [Box("finch", 10, 10, 10, 10)])
    assert np.abs(filled.astype(int) - 100).max() <= 2


def test_the_same_seed_makes_the_same_frames(tmp_path: Path) -> None:
    draw_frames(tmp_path / "data", size=(96, 64))
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert make(tmp_path / "data", tmp_path / name, "--seed", seed) == 0
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.*"))
    assert len(files) == 7
    same = [(tmp_path / "a" / p).read_bytes() == (tmp_path / "b" / p).read_bytes() for p in files]
    assert all(same)
    name = "sources.csv"
    assert (tmp_path / "a" / name).read_bytes() != (tmp_path / "c" / name).read_bytes()


def test_boxes_and_sources_say_what_is_where(tmp_path: Path) -> None:
    frames = draw_frames(tmp_path / "data", size=(96, 64))
    assert make(tmp_path / "data", tmp_path / "out") == 0
    made = read_camera_traps(tmp_path / "out")
    rows = list(csv.DictReader((tmp_path / "out" / "sources.csv").read_text().splitlines()))
    assert len(rows) == sum(len(frame.boxes) for frame in made)
    empty = {frame.file_name for frame in frames if not frame.boxes}
    by_name = {frame.file_name: frame for frame in frames}
    for row in rows:
        assert row["background"] in empty
        assert row["species"] in {box.species for box in by_name[row["source"]].boxes}
    with Image.open(tmp_path / "out" / IMAGES / made[0].file_name) as image:
        assert image.size == (96, 64)


def test_a_full_folder_and_bad_options_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_frames(tmp_path / "data", size=(96, 64))
    assert make(tmp_path / "data", tmp_path / "data") == 1
    assert "is not empty" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        make(tmp_path / "data", tmp_path / "out", "--count", "0")
