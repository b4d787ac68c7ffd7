"""Rules where the detector has not seen the left-out species: painted copies, kept detectors."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.base_networks import use_random_base
from tests.support.camera_frames import draw_frames
from training.anomaly import compare_unseen
from training.anomaly.camera_traps import IMAGES, read_camera_traps
from training.anomaly.compare_served import MEASURES
from training.anomaly.compare_unseen import SHARES, TITLES, main, painted_copy, trained_without
from training.anomaly.simclr.recipe import FROZEN
from training.anomaly.train_detector import main as train_detector

SIZE = (96, 64)


def test_a_painted_copy_lacks_one_species_and_keeps_the_other(tmp_path: Path) -> None:
    frames = draw_frames(tmp_path / "data", 8, SIZE)
    painted_copy(tmp_path / "data", frames, "finch", tmp_path / "copy")
    left = read_camera_traps(tmp_path / "copy")
    assert [frame.file_name for frame in left] == [frame.file_name for frame in frames]
    assert {box.species for frame in left for box in frame.boxes} == {"jay"}
    for frame in frames:
        with Image.open(tmp_path / "copy" / IMAGES / frame.file_name) as image:
            pixels = np.array(image).astype(int)
        reds = (pixels[..., 0] - pixels[..., 2] > 120).any()
        blues = (pixels[..., 2] - pixels[..., 0] > 120).any()
        assert not reds
        assert blues == any(box.species == "jay" for box in frame.boxes)


@pytest.mark.slow
def test_each_species_has_a_detector_of_its_own_that_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bases").mkdir()
    use_random_base(monkeypatch, tmp_path / "bases")
    monkeypatch.setattr(compare_unseen, "FROZEN", replace(FROZEN, image_size=32))
    monkeypatch.setattr(compare_unseen, "RUNS", tmp_path / "runs")
    calls: list[list[str]] = []

    def quick(command: list[str]) -> int:
        calls.append(command)
        few = ["--epochs", "1", "--canvas-area", "2048", "--validation-share", "0.25"]
        return train_detector([*command, *few])

    monkeypatch.setattr(compare_unseen, "train_detector", quick)
    draw_frames(tmp_path / "data", 48, SIZE)
    options = ["--data", str(tmp_path / "data"), "--preset", "small"]
    assert main(options) == 0
    assert len(calls) == 2
    kept = Namespace(preset="small", hold_out="sequence")
    frames = read_camera_traps(tmp_path / "data")
    folder = trained_without(tmp_path / "data", frames, "finch", kept)
    assert folder.parent == tmp_path / "runs"
    assert len(calls) == 2
    lines = capsys.readouterr().out.splitlines()
    table = [line.split(" | ") for line in lines if " | " in line]
    assert table[0] == TITLES
    assert len(table) == 1 + 2 * len(MEASURES) * (1 + len(SHARES))
    assert all(0 <= float(cell) <= 1 for row in table[1:] for cell in row[3:])
