"""The bootstrap's statistic of each track, from its aligned table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from wildlife_scoring.bootstrap import labels, scores
from wildlife_scoring.bootstrap.resampling import Statistic
from wildlife_scoring.metrics import BoolArray
from wildlife_scoring.tables import Aligned
from wildlife_scoring.tracks import Track


def _hybrid(aligned: Aligned) -> Statistic:
    truth = aligned.truth
    return scores.hybrid(
        np.array(truth["hybrid_stat"]).astype(int), truth["ssp_indicator"], aligned.predicted
    )


def _anomaly(aligned: Aligned) -> Statistic:
    return scores.anomaly(np.array(aligned.truth["anomaly"]).astype(int), aligned.predicted)


def _reid(aligned: Aligned, by_individual: bool = False) -> Statistic:
    truth, new = aligned.truth, is_new(aligned)
    names, sets = truth["identity"], truth["dataset"]
    return labels.reid(names, sets, new, aligned.predicted, by_individual=by_individual)


def is_new(aligned: Aligned) -> BoolArray:
    """Return (rows,): whether the reference of the track `reid` calls the individual a new one."""
    found: BoolArray = np.isin(np.char.lower(aligned.truth["new_identity"]), ("true", "1"))
    return found


def _family(aligned: Aligned) -> Statistic:
    return labels.family(aligned.truth["family"], aligned.predicted)


STATISTICS: Mapping[str, Callable[[Aligned], Statistic]] = {
    "hybrid": _hybrid,
    "reid": _reid,
    "anomaly": _anomaly,
    "family": _family,
}

# Columns of the reference whose values together are a row's class, which splits keep in proportion.
_CLASSES: Mapping[str, tuple[str, ...]] = {
    "hybrid": ("hybrid_stat", "ssp_indicator"),
    "reid": ("dataset", "new_identity"),
    "anomaly": ("anomaly",),
    "family": ("family",),
}


def strata_of(track: str, aligned: Aligned) -> list[str]:
    """Return each row's class: a split of the table should hold the same share of each."""
    columns = [[str(value) for value in aligned.truth[name]] for name in _CLASSES[track]]
    return ["\0".join(values) for values in zip(*columns, strict=True)]


def statistic_of(
    track: Track, aligned: Aligned, *, by_individual: bool = False
) -> tuple[list[str], Statistic]:
    """Return the leaderboard's keys in their order, and the statistic that gives their values.

    aligned: a table without problems (tables.aligned). by_individual: resamples of the track `reid`
    draw individuals (labels.reid). Raises KeyError for a track without a statistic.
    """
    datasets = sorted(set(aligned.truth.get("dataset", ()))) if track.keys_per_dataset else []
    keys = track.leaderboard_keys(datasets)
    if by_individual and track.name == "reid":
        return keys, _reid(aligned, by_individual=True)
    return keys, STATISTICS[track.name](aligned)
