"""Compare several submissions on one reference table: intervals, pairs, shake-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from wildlife_scoring.bootstrap.comparison import METADATA, Grouping, group, number, table_of
from wildlife_scoring.bootstrap.intervals import RESAMPLES, intervals
from wildlife_scoring.bootstrap.pairs import Pair, pairs
from wildlife_scoring.bootstrap.power import POWER, needed
from wildlife_scoring.bootstrap.resampling import Statistic, Values, Weights, resample, whole
from wildlife_scoring.bootstrap.shake_up import PUBLIC, SPLITS, shake_up
from wildlife_scoring.bootstrap.tracks import statistic_of, strata_of
from wildlife_scoring.input_files import find_reference
from wildlife_scoring.problems import Problems, ScoringError
from wildlife_scoring.step import choose_track
from wildlife_scoring.tables import Aligned

PREDICTIONS = "predictions.txt"


def standings_of(
    folder: Path,
    *,
    resamples: int = RESAMPLES,
    wanted: float | None = None,
    public: float = PUBLIC,
    splits: int = SPLITS,
) -> dict[str, Any]:
    """Compare FOLDER/res/N/predictions.txt for N = 0, 1, ..., the best first, for FOLDER/ref.

    wanted: the difference whose needed number of units each pair gets; None for none. Everything
    but `values` is about the track's first key. Raises ScoringError that lists the problems.
    """
    problems = Problems()
    reference = find_reference(folder, problems)
    track = choose_track(reference, problems) if reference else None
    if reference is None or track is None:
        problems.stop()
    problems.stop_if_any()
    paths = sorted((folder / "res").iterdir(), key=lambda path: int(path.name))
    tables = [table_of(track, reference, path / PREDICTIONS) for path in paths]
    grouping = group(reference, folder / METADATA, tables[0].truth["filename"])
    found = [statistic_of(track, one, by_individual=grouping.by_individual) for one in tables]
    statistics = {str(at): statistic for at, (_, statistic) in enumerate(found)}
    compared = pairs_of(list(statistics.values()), grouping, resamples)
    return {
        "format": 1,
        "track": track.name,
        "units": grouping.units.count,
        "grouped_by": grouping.column,
        "values": [_values(keys, one, grouping, resamples) for keys, one in found],
        "pairs": [_pair_json(one, grouping.units.count, wanted) for one in compared],
        "shake_up": _shaken(statistics, grouping, tables[0], track.name, public, splits),
    }


def pairs_of(statistics: Sequence[Statistic], grouping: Grouping, resamples: int) -> list[Pair]:
    """Return the difference of each pair in the first key; none of a submission alone.

    Raises ScoringError where no resample has a value for all.
    """
    if len(statistics) < 2:
        return []

    def primary(weights: Weights) -> Values:
        return np.stack([statistic(weights)[:, 0] for statistic in statistics], axis=1)

    drawn = resample(primary, grouping.units, resamples, seed=0)
    drawn = drawn[np.all(np.isfinite(drawn), axis=1)]
    if not len(drawn):
        raise ScoringError(
            "the submissions cannot be compared: the test set is so small that every resample of "
            "it lacks images of a kind"
        )
    return pairs(whole(primary, grouping.units), drawn)


def _values(
    keys: Sequence[str], statistic: Statistic, grouping: Grouping, resamples: int
) -> dict[str, dict[str, float | None]]:
    found = intervals(statistic, grouping.units, resamples=resamples)
    return {
        key: {"value": number(one.value), "low": number(one.low), "high": number(one.high)}
        for key, one in zip(keys, found, strict=True)
    }


def _pair_json(pair: Pair, units: int, wanted: float | None) -> dict[str, Any]:
    power = needed(pair.error, units, wanted) if wanted and pair.error > 0 else None
    return {
        **asdict(pair),
        "power": POWER,
        "needed_units": power.units if power else None,
        "smallest": number(power.smallest) if power else None,
    }


def _shaken(
    statistics: Mapping[str, Statistic],
    grouping: Grouping,
    aligned: Aligned,
    track: str,
    public: float,
    splits: int,
) -> list[dict[str, float | None]]:
    strata = strata_of(track, aligned)
    moved = shake_up(statistics, grouping.units, strata, public=public, splits=splits)
    return [{key: number(value) for key, value in asdict(one).items()} for one in moved.values()]
