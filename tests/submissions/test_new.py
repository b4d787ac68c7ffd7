"""`kit new`: what it makes runs at once, and what it refuses."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.stored_scores import ROOT
from kit.contract import PREDICTION_OF_TRACK
from tests.support.kit import Kit


def small_checkout(folder: Path) -> Path:
    """A checkout with the smallest submissions, so that nothing is made in this one."""
    for name in ("ingestion_program", "scoring_program", "sample_data"):
        (folder / name).symlink_to(ROOT / name)
    for name in ("constant", "always_new", "constant_anomaly", "constant_family"):
        shutil.copytree(ROOT / "submissions" / name, folder / "submissions" / name)
    return folder


@pytest.mark.parametrize("track", PREDICTION_OF_TRACK)
def test_kit_new_makes_a_submission_that_runs_at_once(kit: Kit, track: str) -> None:
    here = small_checkout(Path.cwd())
    answer = kit("new", "made_by_a_test", "--track", track, "--json")
    assert answer.status == 0, answer.err
    assert answer.json["folder"] == str(here / "submissions/made_by_a_test")
    assert kit("run", "made_by_a_test", "--json").json["ok"]
    again = kit("new", "made_by_a_test", "--track", track)
    assert again.status == 2
    assert "exists already" in again.text


@pytest.mark.parametrize("track", ["moths", "Hybrid", "", "../hybrid", "x" * 300])
def test_kit_new_names_the_tracks_that_have_a_template(kit: Kit, track: str) -> None:
    small_checkout(Path.cwd())
    other = kit("new", "another", "--track", track)
    assert other.status == 2
    assert "tracks with a template: anomaly, family, hybrid, reid" in other.text
    assert not Path("submissions/another").exists()


def test_kit_new_does_not_start_from_what_the_user_broke(kit: Kit) -> None:
    here = small_checkout(Path.cwd())
    (here / "submissions/constant/model.py").write_text("syntax error")
    (here / "submissions/a").mkdir()
    (here / "submissions/a/model.py").write_text("")
    assert kit("new", "mine", "--track", "hybrid").status == 0
    assert kit("run", "mine", "--json").json["ok"]


@pytest.mark.parametrize("name", ["Big", "with space", "../out", "9lives", "x" * 41])
def test_kit_new_refuses_names_that_do_not_fit(kit: Kit, name: str) -> None:
    assert kit("new", name, "--track", "hybrid").status == 2
