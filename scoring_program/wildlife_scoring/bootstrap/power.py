"""How many images a difference between two submissions needs before a test set shows it.

Cohen, "Statistical Power Analysis for the Behavioral Sciences" (1988), with the standard error of
the paired difference measured by the bootstrap: it falls with the root of the number of units.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from wildlife_scoring.bootstrap.intervals import RESAMPLES
from wildlife_scoring.bootstrap.resampling import Statistic, Units, Values, difference, resample

POWER, LEVEL = 0.8, 0.95
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Needed:
    """What it takes to see a difference in one metric.

    error: the standard error of the paired difference on this table. units: the number of units
    (images, or groups of them) with which a test of that level sees the difference with that
    power. smallest: the smallest difference that this table shows with that power.
    """

    error: float
    units: int
    smallest: float


def standard_errors(
    first: Statistic, second: Statistic, units: Units, resamples: int = RESAMPLES, seed: int = 0
) -> Values:
    """Return the standard error of `second` - `first` for each key, (keys,).

    Resamples without a value are left out; NaN for a key where fewer than two have one.
    """
    drawn = resample(difference(first, second), units, resamples, seed)
    kept = np.isfinite(drawn)
    counts = kept.sum(axis=0)
    means = np.where(kept, drawn, 0.0).sum(axis=0) / np.maximum(counts, 1)
    squares = np.where(kept, (drawn - means) ** 2, 0.0).sum(axis=0)
    errors = np.sqrt(squares / np.maximum(counts - 1, 1))
    return np.asarray(np.where(counts > 1, errors, np.nan))


def needed(
    error: float, units: int, wanted: float, *, power: float = POWER, level: float = LEVEL
) -> Needed:
    """Return how many units a difference `wanted` > 0 needs, from the error on `units` units.

    The test is two-sided. Raises ValueError for a difference that is not above 0, or a power or
    level outside (0, 1).
    """
    if not wanted > 0:
        raise ValueError(f"expected a difference above 0, got {wanted}")
    if not (0 < power < 1 and 0 < level < 1):
        raise ValueError(f"expected power and level in (0, 1), got {power} and {level}")
    steps = _NORMAL.inv_cdf((1 + level) / 2) + _NORMAL.inv_cdf(power)
    smallest = steps * error
    return Needed(error, max(1, math.ceil(units * (smallest / wanted) ** 2)), smallest)
