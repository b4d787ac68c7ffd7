"""Compare several submissions on one reference table: intervals, which are separable, shake-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from wildlife_scoring.bootstrap.comparison import METADATA, Grouping, group, number, table_of
from wildlife_scoring.bootstrap.intervals import RESAMPLES, Interval, interval, intervals
from wildlife_scoring.bootstrap.power import LEVEL, POWER, needed
from wildlife_scoring.bootstrap.resampling import (
    Statistic,
    Values,
    Weights,
    leave_one_out,
    resample,
    whole,
)
from wildlife_scoring.bootstrap.shake_up import PUBLIC, SPLITS, shake_up
from wildlife_scoring.bootstrap.tracks import statistic_of, strata_of
from wildlife_scoring.input_files import find_reference
from wildlife_scoring.problems import Problems
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
    pairs = pairs_of(list(statistics.values()), grouping, resamples)
    return {
        "format": 1,
        "track": track.name,
        "units": grouping.units.count,
        "grouped_by": grouping.column,
        "values": [_values(keys, one, grouping, resamples) for keys, one in found],
        "pairs": [_pair_json(*item, grouping.units.count, wanted) for item in pairs.items()],
        "groups": groups(len(tables), pairs),
        "shake_up": _shaken(statistics, grouping, tables[0], track.name, public, splits),
    }


def pairs_of(
    statistics: Sequence[Statistic], grouping: Grouping, resamples: int
) -> dict[tuple[int, int], tuple[Interval, float]]:
    """Return for each pair (a, b), a < b, the interval of a - b and its standard error.

    All pairs share their resamples.
    """

    def primary(weights: Weights) -> Values:
        return np.stack([statistic(weights)[:, 0] for statistic in statistics], axis=1)

    value = whole(primary, grouping.units)
    drawn = resample(primary, grouping.units, resamples, seed=0)
    without = leave_one_out(primary, grouping.units)
    found = {}
    for a in range(len(statistics)):
        for b in range(a + 1, len(statistics)):
            moved = drawn[:, a] - drawn[:, b]
            gap = interval(float(value[a] - value[b]), moved, without[:, a] - without[:, b], LEVEL)
            kept = moved[np.isfinite(moved)]
            error = float(kept.std(ddof=1)) if len(kept) > 1 else float("nan")
            found[a, b] = gap, error
    return found


def separable(gap: Interval) -> bool:
    """Whether the interval of a difference leaves 0 out; one without ends never does."""
    return bool(gap.low > 0 or gap.high < 0)


def groups(count: int, pairs: Mapping[tuple[int, int], tuple[Interval, float]]) -> list[list[int]]:
    """Return [first, last] of each longest row of ranks in which no pair is separable.

    As the bars of a critical-difference diagram (Demsar 2006): a submission may be in several, and
    one that is separable from both neighbours is alone.
    """
    found: list[list[int]] = []
    for first in range(count):
        last = first
        while last + 1 < count and not any(
            separable(pairs[one, last + 1][0]) for one in range(first, last + 1)
        ):
            last += 1
        if not found or last > found[-1][1]:
            found.append([first, last])
    return found


def _values(
    keys: Sequence[str], statistic: Statistic, grouping: Grouping, resamples: int
) -> dict[str, dict[str, float | None]]:
    found = intervals(statistic, grouping.units, resamples=resamples)
    return {
        key: {"value": number(one.value), "low": number(one.low), "high": number(one.high)}
        for key, one in zip(keys, found, strict=True)
    }


def _pair_json(
    pair: tuple[int, int], found: tuple[Interval, float], units: int, wanted: float | None
) -> dict[str, Any]:
    gap, error = found
    power = needed(error, units, wanted) if wanted and error > 0 else None
    return {
        "better": pair[0],
        "worse": pair[1],
        "difference": number(gap.value),
        "low": number(gap.low),
        "high": number(gap.high),
        "separable": separable(gap),
        "error": number(error),
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
