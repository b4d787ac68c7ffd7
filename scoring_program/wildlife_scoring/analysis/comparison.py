"""Several submissions on the same images: who is better, and what noise cannot tell apart.

All submissions are scored on the same resamples, so that each difference is paired
(bootstrap/pairs.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from wildlife_scoring.bootstrap.comparison import Grouping, number
from wildlife_scoring.bootstrap.credits import TRUTH, credits_of
from wildlife_scoring.bootstrap.pairs import pairs
from wildlife_scoring.bootstrap.resampling import Statistic, Values, Weights, resample, whole
from wildlife_scoring.bootstrap.tracks import statistic_of
from wildlife_scoring.problems import ScoringError
from wildlife_scoring.tables import Aligned
from wildlife_scoring.tracks import Track

MOST_IMAGES = 240  # that the submissions disagree about
GROUP = {"hybrid": "ssp_indicator", "reid": "dataset", "anomaly": "species", "family": "phylum"}


def comparison(
    track: Track, tables: Sequence[Aligned], grouping: Grouping, resamples: int
) -> dict[str, Any]:
    """Return differences of all pairs and keys, who is not separable, and disputed images.

    Raises ScoringError where no resample has a value for all metrics.
    """
    made = [statistic_of(track, table, by_individual=grouping.by_individual) for table in tables]
    keys, together = made[0][0], _together([statistic for _, statistic in made])
    values = whole(together, grouping.units).reshape(len(tables), -1)
    drawn = resample(together, grouping.units, resamples, seed=0)
    drawn = drawn[np.all(np.isfinite(drawn), axis=1)].reshape(-1, *values.shape)
    if not len(drawn):
        raise ScoringError(
            "the submissions cannot be compared: the test set is so small that every resample of "
            "it lacks images of a kind"
        )
    return {
        "keys": [
            {"key": key, "pairs": [asdict(one) for one in pairs(values[:, at], drawn[:, :, at])]}
            for at, key in enumerate(keys)
        ],
        "disputed": _disputed(track, tables),
    }


def _together(statistics: Sequence[Statistic]) -> Statistic:
    def statistic(weights: Weights) -> Values:
        return np.concatenate([one(weights) for one in statistics], axis=1)

    return statistic


def _disputed(track: Track, tables: Sequence[Aligned]) -> dict[str, Any]:
    """Return the images that the submissions treat most differently (bootstrap/credits.py)."""
    credits = np.stack([credits_of(track, table) for table in tables])
    gap = credits.max(axis=0) - credits.min(axis=0)
    rows = np.argsort(-gap, kind="stable")[:MOST_IMAGES]
    rows = rows[gap[rows] > 0]
    truth = tables[0].truth
    groups, code = np.unique(truth[GROUP[track.name]], return_inverse=True)
    return {
        "groups": groups.tolist(),
        "name": [truth["filename"][row] for row in rows.tolist()],
        "group": code[rows].tolist(),
        "truth": [_truth(track, truth[TRUTH[track.name]][row]) for row in rows.tolist()],
        "predicted": [[_shown(table.predicted[row]) for table in tables] for row in rows.tolist()],
        "credit": [[number(one) for one in credits[:, row]] for row in rows.tolist()],
        "all": int(np.count_nonzero(gap > 0)),
    }


def _truth(track: Track, text: str) -> str:
    words = {"hybrid": ("not a hybrid", "hybrid"), "anomaly": ("normal", "anomaly")}
    return words[track.name][text == "1"] if track.name in words else text


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.4f}"
