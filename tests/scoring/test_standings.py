"""`scoring_program/standings.py`: several submissions on one reference table."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.repository import ROOT
from wildlife_scoring.bootstrap.comparison import group, table_of
from wildlife_scoring.bootstrap.intervals import intervals
from wildlife_scoring.bootstrap.resampling import difference
from wildlife_scoring.bootstrap.standings import standings_of
from wildlife_scoring.bootstrap.tracks import statistic_of
from wildlife_scoring.tracks import TRACKS

PROGRAM = ROOT / "scoring_program/standings.py"
OF_TRACK = {
    "hybrid": ("bioclip_wings", "constant"),
    "reid": ("open_set_ensemble", "always_new"),
    "anomaly": ("species_ensemble", "simclr_ocsvm", "constant_anomaly"),
    "family": ("two_lite_towers", "efficientnet_families", "constant_family"),
}


def lay_out(folder: Path, track: str) -> Path:
    data = ROOT / "sample_data" / track
    shutil.copytree(data / "reference_data/development", folder / "ref")
    for number, name in enumerate(OF_TRACK[track]):
        place = folder / "res" / str(number)
        place.mkdir(parents=True)
        stored = ROOT / "tests/scores" / name / "development.predictions.txt"
        shutil.copy(stored, place / "predictions.txt")
    return folder


@pytest.mark.parametrize("track", [*OF_TRACK])
def test_every_track_has_standings(tmp_path: Path, track: str) -> None:
    found = standings_of(lay_out(tmp_path, track), resamples=300, wanted=0.05, splits=50)
    count = len(OF_TRACK[track])
    assert len(found["values"]) == len(found["shake_up"]) == count
    assert len(found["pairs"]) == count * (count - 1) / 2
    for values, name in zip(found["values"], OF_TRACK[track], strict=True):
        path = ROOT / "tests/scores" / name / "development.json"
        stored = json.loads(path.read_text(encoding="utf-8"))["scores"]
        assert {key: one["value"] for key, one in values.items()} == pytest.approx(stored, abs=1e-6)


def test_a_pair_is_the_paired_comparison_of_its_two(tmp_path: Path) -> None:
    folder = lay_out(tmp_path, "hybrid")
    (reference,) = (folder / "ref").glob("*.csv")
    track, paths = TRACKS["hybrid"], sorted(folder.glob("res/*/predictions.txt"))
    tables = [table_of(track, reference, path) for path in paths]
    first, second = (statistic_of(track, one)[1] for one in tables)
    units = group(reference, folder / "metadata.csv", tables[0].truth["filename"]).units
    both = intervals(difference(first, second), units, method="percentile", resamples=500)
    (pair,) = standings_of(folder, resamples=500, splits=10)["pairs"]
    assert (pair["value"], pair["low"], pair["high"]) == (both[0].value, both[0].low, both[0].high)
    assert pair["needed_units"] is None


def test_the_program_prints_json_or_one_message(tmp_path: Path) -> None:
    folder = lay_out(tmp_path, "family")
    command = [sys.executable, str(PROGRAM), str(folder), "--resamples", "50", "--splits", "20"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["track"] == "family"
    path = folder / "res/1/predictions.txt"
    path.write_text(path.read_text(encoding="utf-8").partition("\n")[2], encoding="utf-8")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "res/1/predictions.txt" in done.stderr
    assert "Traceback" not in done.stderr
    done = subprocess.run([*command, "--public", "1"], capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)


def test_an_undefined_value_is_null(tmp_path: Path) -> None:
    found = standings_of(lay_out(tmp_path, "anomaly"), resamples=20, splits=5)
    text = json.dumps(found, allow_nan=False)
    assert "NaN" not in text
    assert np.isfinite(found["pairs"][0]["error"])
