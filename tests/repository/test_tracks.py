"""Every list of tracks in the repository says what the registry of the scoring program says.

The kit and the ingestion program do not import the scoring program, so `make tables` writes a line
into each; the README and the sample bundles list tracks too. The registry is
scoring_program/wildlife_scoring/tracks.py.
"""

from __future__ import annotations

import csv
import inspect
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit import bundles, contract
from kit.bundle_track import track_of_bundle
from kit.scaffold import TEMPLATES, tracks_with_template
from tests.support.kit import ROOT
from tests.support.repository import make_targets
from wildlife_ingestion.submission import PREDICTION_OF_TRACK
from wildlife_scoring.tracks import TRACKS, Scorer, Track

ROWS = [pytest.param(track, id=name) for name, track in TRACKS.items()]
SAMPLES = sorted(path.parent.name for path in (ROOT / "sample_data").glob("*/competition.yaml"))
STEPS = ("check_truth", "parse", "evaluate", "render")


def keys_for(track: Track, reference: Path) -> list[str]:
    """Return the leaderboard's keys for a reference table of the track."""
    with reference.open(encoding="utf-8", newline="") as stream:
        datasets = {row.get("dataset", "") for row in csv.DictReader(stream)}
    return track.leaderboard_keys(sorted(datasets) if track.keys_per_dataset else [])


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_the_ingestion_program_knows_the_tracks_and_what_each_predicts() -> None:
    assert {name: track.prediction for name, track in TRACKS.items()} == PREDICTION_OF_TRACK


def test_the_kit_knows_the_tracks_and_what_each_predicts() -> None:
    wanted = {name: track.prediction for name, track in TRACKS.items()}
    assert wanted == contract.PREDICTION_OF_TRACK


def test_the_kit_knows_the_keys_of_each_leaderboard() -> None:
    keys = json.loads((ROOT / "kit" / "tracks.json").read_text(encoding="utf-8"))
    assert keys == {name: list(track.keys) for name, track in TRACKS.items()}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_kit_knows_the_track_of_a_sample_bundle(name: str) -> None:
    assert track_of_bundle(bundles.read(ROOT / "sample_data" / name)) == name


@pytest.mark.parametrize("track", ROWS)
def test_the_readme_of_a_track_defines_each_key_of_its_leaderboard(track: Track) -> None:
    package = ROOT / "scoring_program" / "wildlife_scoring" / track.name
    definitions = (package / "README.md").read_text(encoding="utf-8")
    assert definitions.startswith(f"# Track `{track.name}`\n")
    wanted = [*track.keys, *(f"DATASET_{key}" for key in track.keys_per_dataset)]
    assert [key for key in wanted if f"`{key}`" not in definitions] == []


@pytest.mark.parametrize("track", ROWS)
def test_the_module_of_a_track_offers_the_four_steps(track: Track) -> None:
    scorer = track.scorer()
    for name in STEPS:
        wanted = list(inspect.signature(getattr(Scorer, name)).parameters)[1:]
        assert list(inspect.signature(getattr(scorer, name)).parameters) == wanted, name
    assert track.columns[0] == "filename"


def test_every_sample_bundle_is_of_a_track_in_the_registry() -> None:
    assert SAMPLES
    assert set(SAMPLES) <= set(TRACKS)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_leaderboard_of_a_sample_bundle_has_the_keys_of_its_track(name: str) -> None:
    folder = ROOT / "sample_data" / name
    competition = read_yaml(folder / "competition.yaml")
    keys = [column["key"] for column in competition["leaderboards"][0]["columns"]]
    for task in competition["tasks"]:
        (reference,) = (folder / task["reference_data"]).glob("*.csv")
        assert keys == keys_for(TRACKS[name], reference)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_submission_of_each_track_has_stored_scores_with_its_keys(name: str) -> None:
    stored = [
        path
        for path in sorted((ROOT / "tests" / "scores").glob("*/*.json"))
        if read_yaml(ROOT / "submissions" / path.parent.name / "metadata")["track"] == name
    ]
    assert stored
    for path in stored:
        (reference,) = (ROOT / "sample_data" / name / "reference_data" / path.stem).glob("*.csv")
        scores = json.loads(path.read_text(encoding="utf-8"))["scores"]
        assert list(scores) == keys_for(TRACKS[name], reference), path


@pytest.mark.parametrize("name", SAMPLES)
def test_the_readmes_and_the_folders_name_a_track_with_a_sample_bundle(
    name: str,
) -> None:
    assert f"artifacts-{name}" in make_targets(), "no training/{name}/__main__.py"
    assert f"Track `{name}`:" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert (ROOT / "training" / name).is_dir()
    assert (ROOT / "sample_data" / f"generate_{name}.py").is_file()


def test_each_track_with_a_sample_bundle_has_a_template_that_is_a_tested_submission() -> None:
    """`kit new` starts from data of the package; the submissions are what runs in the tests."""
    assert tracks_with_template() == SAMPLES
    for track in SAMPLES:
        model = (TEMPLATES / track / "model.py").read_bytes()
        of_track = [
            path.parent
            for path in (ROOT / "submissions").glob("*/model.py")
            if read_yaml(path.parent / "metadata")["track"] == track
        ]
        assert [path.name for path in (TEMPLATES / track).iterdir() if path.is_file()] == [
            "model.py"
        ]
        assert model in [(path / "model.py").read_bytes() for path in of_track], track
