"""Confidence intervals from resamples: percentile, and bias-corrected and accelerated (BCa).

Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), sections 13.3 and 14.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from wildlife_scoring.bootstrap.resampling import (
    Statistic,
    Units,
    Values,
    difference,
    leave_one_out,
    resample,
    whole,
)

Method = Literal["bca", "percentile"]
RESAMPLES = 10_000
ZERO = 1e-12  # sums in another order differ by less
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Interval:
    """One metric: its value, the interval's ends, and how it was found.

    method: "percentile" where BCa was asked for and does not exist (all resamples on one side of
    the value, or no unit matters). undefined: resamples without a value, which are left out.
    below: the share of resamples below 0, those at 0 counting half. ties: the share at 0. For a
    difference, below - ties / 2 is how probable a fall is.
    """

    value: float
    low: float
    high: float
    method: Method
    undefined: int
    below: float
    ties: float


def intervals(
    statistic: Statistic,
    units: Units,
    *,
    level: float = 0.95,
    method: Method = "bca",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Interval]:
    """Return an interval for each key of the statistic. The same seed gives the same numbers.

    Raises ValueError for a level outside (0, 1), or no resample or unit.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    value = whole(statistic, units)
    drawn = resample(statistic, units, resamples, seed)
    without = leave_one_out(statistic, units) if method == "bca" else None
    return [
        interval(value[key], drawn[:, key], None if without is None else without[:, key], level)
        for key in range(len(value))
    ]


def differences(
    first: Statistic,
    second: Statistic,
    units: Units,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Interval]:
    """Return intervals of `second` - `first`, two submissions on the same rows (paired)."""
    both = difference(first, second)
    return intervals(both, units, level=level, resamples=resamples, seed=seed)


def interval(value: float, drawn: Values, without: Values | None, level: float) -> Interval:
    """Return the interval of one metric.

    drawn: (resamples,); without: (units,), the value without each unit, for BCa; None for the
    percentile interval.
    """
    kept = drawn[np.isfinite(drawn)]
    undefined = len(drawn) - len(kept)
    if not len(kept):
        return Interval(
            float(value), math.nan, math.nan, "percentile", undefined, math.nan, math.nan
        )
    tails = ((1 - level) / 2, (1 + level) / 2)
    moved = None if without is None else bca_shares(float(value), kept, without, tails)
    low, high = np.quantile(kept, tails if moved is None else moved).tolist()
    method: Method = "percentile" if moved is None else "bca"
    ties = float(np.mean(np.abs(kept) <= ZERO))
    below = float(np.mean(kept < -ZERO)) + ties / 2
    return Interval(float(value), low, high, method, undefined, below, ties)


def bca_shares(
    value: float, drawn: Values, without: Values, tails: tuple[float, float]
) -> tuple[float, float] | None:
    """Return which quantiles of the resamples are BCa's ends; None where it does not exist.

    drawn: (resamples,), finite; without: (units,), the value without each unit.
    """
    share = float(np.mean(drawn < value) + np.mean(drawn == value) / 2)
    steps = without[np.isfinite(without)]
    steps = steps.mean() - steps if len(steps) else steps
    squares = float(np.sum(steps**2))
    if not 0 < share < 1 or squares <= 1e-24:
        return None
    bias = _NORMAL.inv_cdf(share)
    acceleration = float(np.sum(steps**3)) / (6 * squares**1.5)
    moved = []
    for tail in tails:
        shifted = bias + _NORMAL.inv_cdf(tail)
        moved.append(_NORMAL.cdf(bias + shifted / (1 - acceleration * shifted)))
    return moved[0], moved[1]
