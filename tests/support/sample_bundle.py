"""Checks that the sample bundles of all tracks have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any


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
