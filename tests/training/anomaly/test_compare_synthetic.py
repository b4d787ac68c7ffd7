"""Detectors with and without made frames: what is trained on, the table, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.base_networks import use_random_base
from tests.support.camera_frames import draw_frames
from training.anomaly import compare_synthetic
from training.anomaly.camera_traps import IMAGES
from training.anomaly.compare_synthetic import REAL, TITLES, linked, made_of, main
from training.anomaly.simclr.recipe import FROZEN

SIZE = (96, 64)


def test_made_frames_come_of_the_given_ones_and_stand_next_to_them(tmp_path: Path) -> None:
    frames = draw_frames(tmp_path / "data", 16, SIZE)
    given = [frame for frame in frames if frame.location == "camera0"]
    made = made_of(tmp_path / "data", given, tmp_path / "made", 3, 0)
    assert {frame.location for frame in made} == {"camera0"}
    assert linked(given)[0].file_name == f"{REAL}/{given[0].file_name}"
    both = [*made, *linked(frames)]
    assert all((tmp_path / "made" / IMAGES / frame.file_name).is_file() for frame in both)


def test_the_table_has_a_row_with_made_frames_and_one_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bases").mkdir()
    use_random_base(monkeypatch, tmp_path / "bases")
    monkeypatch.setattr(compare_synthetic, "FROZEN", replace(FROZEN, image_size=32))
    draw_frames(tmp_path / "data", 64, SIZE)
    quick = ["--preset", "small", "--epochs", "2", "--batch", "4", "--canvas-area", "2048"]
    options = ["--data", str(tmp_path / "data"), "--count", "32", "--validation-share", "0.5"]
    assert main([*options, *quick]) == 0
    table = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if " | " in line]
    titles, *rows = table
    assert titles == TITLES
    assert [row[:3] for row in rows] == [
        ["real frames", "32", "2"],
        ["real and made frames", "64", "1"],
    ]
    assert all(0 <= float(cell) <= 1 for row in rows for cell in row[3:6])


def test_no_frames_to_make_and_a_missing_block_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--data", str(tmp_path), "--count", "0"])
    assert ended.value.code == 2
    assert "--count 0: expected 1 or more" in capsys.readouterr().err
    draw_frames(tmp_path / "data", 16, SIZE)
    few = ["--data", str(tmp_path / "data"), "--preset", "small", "--validation-share", "0.5"]
    assert main(few) == 1
    assert "jay: expected at least 8 boxes" in capsys.readouterr().err
    assert main([*few, "--log", "nowhere"]) == 1
    assert "put these two lines" in capsys.readouterr().err
