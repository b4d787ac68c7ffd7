"""The bootstrap's statistic of each track, from its aligned table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from wildlife_scoring.bootstrap import labels, scores
from wildlife_scoring.bootstrap.resampling import Statistic
from wildlife_scoring.tables import Aligned
from wildlife_scoring.tracks import Track


def _hybrid(aligned: Aligned) -> Statistic:
    truth = aligned.truth
    return scores.hybrid(
        np.array(truth["hybrid_stat"]).astype(int), truth["ssp_indicator"], aligned.predicted
    )


def _anomaly(aligned: Aligned) -> Statistic:
    return scores.anomaly(np.array(aligned.truth["anomaly"]).astype(int), aligned.predicted)


def _reid(aligned: Aligned) -> Statistic:
    truth = aligned.truth
    new = np.isin(np.char.lower(truth["new_identity"]), ("true", "1"))
    return labels.reid(truth["identity"], truth["dataset"], new, aligned.predicted)


def _family(aligned: Aligned) -> Statistic:
    return labels.family(aligned.truth["family"], aligned.predicted)


STATISTICS: Mapping[str, Callable[[Aligned], Statistic]] = {
    "hybrid": _hybrid,
    "reid": _reid,
    "anomaly": _anomaly,
    "family": _family,
}


def statistic_of(track: Track, aligned: Aligned) -> tuple[list[str], Statistic]:
    """Return the leaderboard's keys in their order, and the statistic that gives their values.

    aligned: a table without problems (tables.aligned). Raises KeyError for a track without one.
    """
    datasets = sorted(set(aligned.truth.get("dataset", ()))) if track.keys_per_dataset else []
    return track.leaderboard_keys(datasets), STATISTICS[track.name](aligned)
