"""The leaderboard's metrics of the tracks `reid` and `family` for many weightings at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wildlife_scoring.bootstrap.resampling import Statistic, Values, Weights, require_rows
from wildlife_scoring.bootstrap.weighted_ranking import share
from wildlife_scoring.metrics import BoolArray
from wildlife_scoring.reid.metrics import NEW


class Sums:
    """Sums of weights by label: (b, rows) -> (b, labels)."""

    def __init__(self, code: NDArray[np.intp], count: int) -> None:
        self.order = np.argsort(code, kind="stable")
        self.count = count
        sizes = np.bincount(code, minlength=count)
        self.filled = np.flatnonzero(sizes)
        self.starts = (np.cumsum(sizes) - sizes)[self.filled]

    def of(self, weights: Weights) -> Values:
        """Sum the weights of each label."""
        found = np.zeros((len(weights), self.count))
        if len(self.filled):
            found[:, self.filled] = np.add.reduceat(weights[:, self.order], self.starts, axis=1)
        return found


def reid(
    identity: ArrayLike,
    dataset: ArrayLike,
    new_identity: ArrayLike,
    predicted: ArrayLike,
    *,
    by_individual: bool = False,
) -> Statistic:
    """Return the track's metrics: the three totals, then three for each dataset, sorted by name.

    by_individual: the resamples draw individuals, so that one that is drawn twice counts as two.
    NaN where a resample leaves a side of a dataset empty that the table fills; a side that is
    empty in the table counts 0, as on the leaderboard.
    """
    names, sets = np.asarray(identity, dtype=np.str_), np.asarray(dataset, dtype=np.str_)
    new, answers = np.asarray(new_identity, dtype=np.bool_), np.asarray(predicted, dtype=np.str_)
    require_rows([names, sets, new, answers])
    unknown = np.isin(names, names[new])
    right = np.where(unknown, answers == NEW, answers == names)
    titles = np.unique(sets).tolist()
    sides = [
        [_side((sets == title) & (unknown == is_new), names, right, by_individual)
         for is_new in (False, True)]
        for title in titles
    ]  # fmt: skip

    def statistic(weights: Weights) -> Values:
        by_dataset = []
        for known, new_ones in sides:
            baks, baus = known(weights), new_ones(weights)
            by_dataset.append(np.stack([np.sqrt(baks * baus), baks, baus]))
        totals = np.mean(by_dataset, axis=0)
        return np.asarray(np.concatenate([totals, *by_dataset]).T)

    return statistic


def _side(
    rows: BoolArray, names: NDArray[np.str_], right: BoolArray, by_individual: bool
) -> Statistic:
    """Return the mean over a side's individuals of their share of right rows, (b,)."""
    chosen = np.flatnonzero(rows)
    individuals, code = np.unique(names[chosen], return_inverse=True)
    sums, sizes = Sums(code, len(individuals)), np.bincount(code, minlength=len(individuals))

    def mean(weights: Weights) -> Values:
        if not len(chosen):
            return np.zeros(len(weights))
        of_side = weights[:, chosen]
        images = sums.of(of_side)
        shares = np.nan_to_num(share(sums.of(of_side * right[chosen]), images))
        times = images / sizes if by_individual else (images > 0).astype(np.float64)
        return share(np.sum(shares * times, axis=1), np.sum(times, axis=1))

    return mean


def family(family: ArrayLike, predicted: ArrayLike) -> Statistic:
    """Return the five metrics of the track, over the families that a resample holds."""
    truth, answers = np.asarray(family, dtype=np.str_), np.asarray(predicted, dtype=np.str_)
    require_rows([truth, answers])
    families, code = np.unique(truth, return_inverse=True)
    place = np.minimum(np.searchsorted(families, answers), len(families) - 1)
    given = np.where(families[place] == answers, place, len(families))  # the last: no family
    true_sums, named_sums = Sums(code, len(families)), Sums(given, len(families) + 1)
    correct = truth == answers

    def statistic(weights: Weights) -> Values:
        images, right = true_sums.of(weights), true_sums.of(weights * correct)
        present = images > 0
        named = named_sums.of(weights)[:, :-1] * present
        f1 = np.nan_to_num(share(2 * right, images + named))
        recall = np.nan_to_num(share(right, images))
        total, count = images.sum(axis=1), present.sum(axis=1)
        columns = [
            right.sum(axis=1) / total,
            recall.sum(axis=1) / count,
            2 * right.sum(axis=1) / (total + named.sum(axis=1)),
            (f1 * present).sum(axis=1) / count,
            (f1 * images).sum(axis=1) / total,
        ]
        return np.stack(columns, axis=1)

    return statistic
