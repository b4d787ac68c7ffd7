"""One rule on tracks: with a bundle any name is good, without one it has to lead to a bundle."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kit.contract import TRACKS
from tests.support.kit import ROOT, SCORING, Kit, competition_yaml, make_bundle, make_submission

pytestmark = pytest.mark.process

LISTED = f"track: expected one of {', '.join(TRACKS)}"
UNKNOWN = {"none": "", "unknown": "track: butterflies\n", "odd": "track: [../reid]\n"}


def with_track(folder: Path, line: str) -> Path:
    return make_submission(folder, metadata=f"description: x\n{line}")


@pytest.mark.parametrize("line", UNKNOWN.values(), ids=UNKNOWN)
@pytest.mark.parametrize("command", ["check", "check --quick", "run", "pack"])
def test_without_a_bundle_every_command_lists_the_tracks(
    kit: Kit, tmp_path: Path, command: str, line: str
) -> None:
    name, *options = command.split()
    answer = kit(name, with_track(tmp_path / "s", line), *options)
    assert answer.status in (1, 2)
    assert LISTED in answer.text
    assert "--bundle" in answer.text


@pytest.mark.parametrize("line", UNKNOWN.values(), ids=UNKNOWN)
@pytest.mark.parametrize("command", ["check", "check --quick", "run", "pack"])
def test_with_a_bundle_every_command_takes_the_organisers_name(
    kit: Kit, tmp_path: Path, bundle: Path, command: str, line: str
) -> None:
    name, *options = command.split()
    answer = kit(name, with_track(tmp_path / "s", line), "--bundle", bundle, *options)
    assert answer.status == 0, answer.text
    assert "track" not in answer.text.replace("tracks", "")


def test_an_organisers_track_is_the_name_of_a_bundle_here(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = tmp_path / "team"
    make_bundle(team / "sample_data" / "moths")
    folder = with_track(team / "submissions" / "s", "track: moths\n")
    monkeypatch.chdir(team)
    for command in (("run", "--json"), ("check", "--quick"), ("pack",)):
        answer = kit(command[0], folder, *command[1:])
        assert answer.status == 0, answer.text
    missing = kit("run", with_track(tmp_path / "t", "track: ../moths\n"))
    assert LISTED in missing.text


def test_our_ingestion_runs_an_organisers_track(kit: Kit, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    shutil.rmtree(bundle / "ingestion_program")
    shutil.copytree(ROOT / "ingestion_program", bundle / "ingestion_program")
    answer = kit("run", with_track(tmp_path / "s", "track: moths\n"), "--bundle", bundle)
    assert answer.status == 0, answer.text


def of_track(folder: Path, keys: list[str]) -> Path:
    """A bundle whose leaderboard and scores have these keys."""
    content = competition_yaml()
    content["leaderboards"][0]["columns"] = [
        {"title": key, "key": key, "index": index} for index, key in enumerate(keys)
    ]
    scoring = SCORING.replace("scores = {", f"scores = dict.fromkeys({keys!r}, 0.5); {{", 1)
    return make_bundle(folder, content, scoring=scoring)


def test_a_submission_of_another_track_is_told_so(kit: Kit, tmp_path: Path) -> None:
    submission = make_submission(tmp_path / "s")
    bundle = of_track(tmp_path / "b", ["geometric_mean", "BAKS", "BAUS", "cat_BAKS"])
    ran = kit("run", submission, "--bundle", bundle)
    assert ran.status == 0, ran.text
    assert "the submission is of the track hybrid, the bundle of reid" in ran.text
    for options in ((), ("--quick",)):
        answer = kit("check", submission, "--bundle", bundle, "--json", *options).json
        codes = {finding["code"]: finding["severity"] for finding in answer["findings"]}
        assert codes["track-differs"] == "warning"


@pytest.mark.parametrize("keys", [["challenge_score", "accuracy"], ["score"], ["geometric_mean"]])
def test_a_leaderboard_of_no_track_says_nothing_about_it(
    kit: Kit, tmp_path: Path, keys: list[str]
) -> None:
    bundle = of_track(tmp_path / "b", keys)
    answer = kit("run", make_submission(tmp_path / "s"), "--bundle", bundle)
    assert "of the track" not in answer.text


def test_constant_on_the_reid_bundle_is_told_so(kit: Kit) -> None:
    answer = kit("run", "constant", "--bundle", ROOT / "sample_data" / "reid")
    assert "the submission is of the track hybrid, the bundle of reid" in answer.text
