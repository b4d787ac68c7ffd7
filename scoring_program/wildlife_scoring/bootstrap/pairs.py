"""Differences of all pairs of submissions, from the resamples that they share.

Noise cannot tell two submissions apart where the interval of their difference, simultaneous for
all pairs, holds 0: the largest standardised difference of all pairs stays below the critical value
in 95 % of the resamples (the bootstrap's answer to Tukey's range test; Westfall and Young 1993,
"Resampling-Based Multiple Testing").
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from wildlife_scoring.bootstrap.resampling import Values

LEVEL = 0.95


@dataclass(frozen=True)
class Pair:
    """The difference `second` - `first` of two submissions, by their numbers.

    low, high: the pair's own 95 % interval (percentile). all_low, all_high: 95 % for all pairs
    together. error: the standard error.
    """

    first: int
    second: int
    value: float
    low: float
    high: float
    all_low: float
    all_high: float
    error: float


def pairs(values: Values, drawn: Values) -> list[Pair]:
    """Return the difference of each pair of submissions.

    values: (runs,), at least two; drawn: (resamples, runs), finite, at least one resample.
    """
    chosen = list(combinations(range(len(values)), 2))
    first, second = np.array(chosen).T
    moved = drawn[:, second] - drawn[:, first]
    difference = values[second] - values[first]
    spread = moved.std(axis=0)
    scaled = np.abs(moved - moved.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    critical = float(np.quantile(scaled.max(axis=1), LEVEL))
    low, high = np.quantile(moved, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return [
        Pair(
            int(first[at]),
            int(second[at]),
            float(difference[at]),
            float(low[at]),
            float(high[at]),
            float(difference[at] - critical * spread[at]),
            float(difference[at] + critical * spread[at]),
            float(spread[at]),
        )
        for at in range(len(chosen))
    ]
