"""Ranking metrics of many weightings of one set of scores, from one sort of the scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wildlife_scoring.bootstrap.resampling import Values, Weights
from wildlife_scoring.metrics import BoolArray, FloatArray

Places = NDArray[np.intp]


class Ranked:
    """Weighted counts of positives and negatives at each distinct score, from the highest down.

    rows: (n,), which rows of the table take part; positive, scores: (n,) of the whole table.
    """

    def __init__(self, rows: BoolArray, positive: BoolArray, scores: FloatArray) -> None:
        chosen = np.flatnonzero(rows)
        self.order = chosen[np.argsort(-scores[chosen], kind="stable")]
        descending = scores[self.order]
        self.last = np.append(
            np.flatnonzero(descending[1:] != descending[:-1]), len(descending) - 1
        )
        self.positive = positive[self.order]

    def at_or_above(self, weights: Weights, which: BoolArray | None = None) -> Values:
        """Return (b, scores): the weight at each score or above, of the rows `which` (ordered)."""
        ordered = weights[:, self.order]
        if which is not None:
            ordered = ordered * which
        return np.asarray(np.cumsum(ordered, axis=1)[:, self.last], dtype=np.float64)

    def counts(self, weights: Weights) -> tuple[Values, Values]:
        """Return positives and negatives at each score or above, (b, scores) each."""
        positives = self.at_or_above(weights, self.positive)
        return positives, self.at_or_above(weights) - positives


def above(at_or_above: Values) -> Values:
    """Return the weight strictly above each score, (b, scores)."""
    return np.concatenate([np.zeros((len(at_or_above), 1)), at_or_above[:, :-1]], axis=1)


def share(part: Values, whole: Values) -> Values:
    """Return part / whole, NaN where the whole is 0."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def average_precision(positives: Values, negatives: Values) -> Values:
    """Return (b,): the sum over scores of recall gained x precision; NaN without a class."""
    named = positives + negatives
    precision = np.divide(positives, named, out=np.zeros_like(named), where=named > 0)
    found = np.sum((positives - above(positives)) * precision, axis=1)
    both = np.where(negatives[:, -1] > 0, positives[:, -1], 0.0)
    return share(found, both)


def auroc(positives: Values, negatives: Values) -> Values:
    """Return (b,): the share of pairs in the right order, ties counting half; NaN without one."""
    higher, total = above(negatives), negatives[:, -1:]
    below = total - (negatives + higher) / 2
    won = np.sum((positives - above(positives)) * below, axis=1)
    return share(won, positives[:, -1] * negatives[:, -1])


def place_at_tnr(negatives: Values, tnr: float) -> Places:
    """Return (b,): where the smallest score stands that keeps the share `tnr` of the negatives.

    As `metrics.threshold_at_tnr`. A score that a resample lacks is never the smallest: without
    negatives of its own it keeps as many as the next one below.
    """
    total = np.maximum(negatives[:, -1:], 1)
    kept = (total - above(negatives)) / total >= tnr
    return np.asarray(negatives.shape[1] - 1 - np.argmax(kept[:, ::-1], axis=1))


def place_at_tpr(positives: Values, tpr: float) -> Places:
    """Return (b,): where the largest score stands that finds the share `tpr` of the positives."""
    return np.asarray(np.argmax(positives / np.maximum(positives[:, -1:], 1) >= tpr, axis=1))


def taken(values: Values, place: Places) -> Values:
    """Return values (b, scores) at each row's place, (b,)."""
    return np.asarray(np.take_along_axis(values, place[:, None], axis=1)[:, 0], dtype=np.float64)
