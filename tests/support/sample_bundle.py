"""Checks that the sample bundles of all tracks have in common."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from tests.support.repository import ROOT


def assert_names_only_what_exists(folder: Path, competition: dict[str, Any]) -> None:
    """Every file that competition.yaml names is there, and data and programs are folders."""
    named = [competition["image"], competition["terms"]]
    named += [page["file"] for page in competition["pages"]]
    for name in named:
        assert (folder / name).stat().st_size > 0, name
    assert (folder / competition["image"]).stat().st_size <= 50_000
    for task in competition["tasks"]:
        for key in ("ingestion_program", "scoring_program", "input_data", "reference_data"):
            # A plain file would be stored as it is, and fail later as "Bad or empty zip file".
            assert (folder / task[key]).is_dir(), task[key]
    assert all((folder / phase["public_data"]).is_dir() for phase in competition["phases"])


def read_competition(track: str) -> dict[str, Any]:
    """Read competition.yaml of a track's sample bundle."""
    path = ROOT / "sample_data" / track / "competition.yaml"
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def leaderboard_keys(track: str) -> list[str]:
    """List the keys of the leaderboard of a track's sample bundle, in order."""
    return [column["key"] for column in read_competition(track)["leaderboards"][0]["columns"]]


def assert_phases_follow_each_other(competition: dict[str, Any]) -> None:
    """The dates are quoted, so that YAML leaves them text; no phase begins before the last ends."""
    times = [phase[end] for phase in competition["phases"] for end in ("start", "end")]
    assert all(isinstance(time, str) for time in times)
    parsed = [datetime.strptime(time, "%Y-%m-%d %H:%M:%S") for time in times]
    assert parsed == sorted(set(parsed))
    assert [phase["tasks"] for phase in competition["phases"]] == [[0], [1]]
