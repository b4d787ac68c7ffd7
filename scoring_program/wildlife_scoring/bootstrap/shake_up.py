"""How far the final ranking may lie from the public one: the shake-up.

A platform often shows scores on a part of the hidden images and ranks on the rest. Here the table
is split in that way many times, each class by the same share, and every submission is scored on
both parts. Blum and Hardt, "The Ladder" (2015), describe the problem.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wildlife_scoring.bootstrap.resampling import Statistic, Units, Values, Weights

SPLITS, PUBLIC = 1_000, 0.3
_BLOCK = 200  # splits held at once


@dataclass(frozen=True)
class Moved:
    """One submission over all splits; ranks count from 1, equal scores share the better rank.

    first_public, first_private: the share of the splits in which no other one is ahead. kept: of
    the splits where it leads the public part, the share where it leads the private part too; NaN
    where it never leads. moved: the mean number of ranks between the two parts.
    """

    first_public: float
    first_private: float
    kept: float
    moved: float


def shake_up(
    statistics: Mapping[str, Statistic],
    units: Units,
    strata: ArrayLike,
    *,
    public: float = PUBLIC,
    splits: int = SPLITS,
    seed: int = 0,
) -> dict[str, Moved]:
    """Return how each submission ranks on both parts, by its statistic's first key.

    A higher value is better. strata: (rows,), the class of each row; each class of units is split
    by the same share (a unit's class is that of its first row). Raises ValueError for a share
    outside (0, 1) or less than one split.
    """
    if not (0 < public < 1 and splits >= 1):
        raise ValueError(f"expected a share in (0, 1) and splits, got {public} and {splits}")
    rng = np.random.default_rng(seed)
    classes = classes_of_units(units, np.asarray(strata))
    ranks: list[tuple[Values, Values]] = []
    for start in range(0, splits, _BLOCK):
        in_public = draw_public(rng, classes, public, min(_BLOCK, splits - start))
        parts = (units.weights(in_public), units.weights(1 - in_public))
        ranks.append((_ranks(statistics, parts[0]), _ranks(statistics, parts[1])))
    shown = np.concatenate([one for one, _ in ranks], axis=1)
    final = np.concatenate([one for _, one in ranks], axis=1)
    return {name: _moved(shown[at], final[at]) for at, name in enumerate(statistics)}


def classes_of_units(units: Units, strata: NDArray[np.generic]) -> NDArray[np.intp]:
    """Return the number of each unit's class, (units,)."""
    _, first = np.unique(units.code, return_index=True)
    return np.asarray(np.unique(strata, return_inverse=True)[1][first])


def draw_public(
    rng: np.random.Generator, classes: NDArray[np.intp], public: float, splits: int
) -> NDArray[np.int64]:
    """Return (splits, units): 1 where a unit lies in the public part.

    Of each class the share `public` is drawn, rounded up or down at random.
    """
    drawn = np.zeros((splits, len(classes)), dtype=np.int64)
    for number in np.unique(classes):
        members = np.flatnonzero(classes == number)
        wanted = np.floor(public * len(members) + rng.random(splits))
        places = np.argsort(rng.random((splits, len(members))), axis=1).argsort(axis=1)
        drawn[:, members] = places < wanted[:, None]
    return drawn


def _ranks(statistics: Mapping[str, Statistic], weights: Weights) -> Values:
    """Return (submissions, splits): how many others are ahead, plus 1; no value comes last."""
    values = np.array([statistic(weights)[:, 0] for statistic in statistics.values()])
    values = np.where(np.isfinite(values), values, -np.inf)
    ahead: Values = (values[None, :, :] > values[:, None, :]).sum(axis=1) + 1.0
    return ahead


def _moved(shown: Values, final: Values) -> Moved:
    leads, wins = shown == 1, final == 1
    kept = float(np.mean(wins[leads])) if leads.any() else float("nan")
    moved = float(np.mean(np.abs(final - shown)))
    return Moved(float(leads.mean()), float(wins.mean()), kept, moved)
