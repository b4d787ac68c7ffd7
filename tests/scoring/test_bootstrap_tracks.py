"""Every track has a statistic, and it gives the stored scores of our submissions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.repository import ROOT
from wildlife_scoring.bootstrap.resampling import Units, whole
from wildlife_scoring.bootstrap.tracks import STATISTICS, statistic_of
from wildlife_scoring.problems import Problems
from wildlife_scoring.tables import aligned
from wildlife_scoring.tracks import TRACKS

STORED = sorted((ROOT / "tests" / "scores").glob("*/*.json"))


def test_every_track_of_the_registry_has_a_statistic() -> None:
    assert set(STATISTICS) == set(TRACKS)


@pytest.mark.parametrize("path", STORED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_statistic_of_the_whole_table_is_the_leaderboards(path: Path) -> None:
    stored = json.loads(path.read_text(encoding="utf-8"))["scores"]
    for name, track in TRACKS.items():
        folder = ROOT / "sample_data" / name / "reference_data" / path.stem
        if set(track.keys) <= set(stored) and folder.is_dir():
            break
    else:
        pytest.skip("its track has no sample data")
    (reference,) = folder.glob("*.csv")
    scorer, problems = track.scorer(), Problems()
    table = aligned(
        reference, path.with_suffix(".predictions.txt"), track.columns,
        scorer.check_truth, scorer.parse, problems,
    )  # fmt: skip
    keys, statistic = statistic_of(track, table)
    found = dict(zip(keys, whole(statistic, Units.rows(len(table.predicted))), strict=True))
    assert found == pytest.approx(stored, abs=1e-6)
