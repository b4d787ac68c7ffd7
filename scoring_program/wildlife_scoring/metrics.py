"""Ranking metrics for one set of binary labels and scores, each from one sort.

Only numpy is used, here and in the whole program: importing pandas or scikit-learn alone takes
longer than scoring 23,500 rows does, and so the scoring image needs nothing else. The tests hold
these functions equal to scikit-learn's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def precision_recall(positive: BoolArray, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Precision and recall of "score >= t" for every distinct score t, from the highest t down.

    positive, scores: shape (n,), with at least one positive. Returns two arrays of shape (distinct
    scores,). Rows with equal scores enter together, so the order of ties does not matter.
    """
    found, rows = _counts_from_the_top(positive, scores)
    return found / rows, found / found[-1]


def average_precision(positive: BoolArray, scores: FloatArray) -> float:
    """Sum over thresholds of recall gained x precision: sklearn's average_precision_score."""
    precision, recall = precision_recall(positive, scores)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def roc(positive: BoolArray, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """False and true positive rate of "score >= t", from (0, 0) over the falling scores to (1, 1).

    positive, scores: shape (n,), with at least one of each class. Returns two arrays of shape
    (distinct scores + 1,); between two of their points, rows with equal scores, the curve is a
    straight line.
    """
    found, rows = _counts_from_the_top(positive, scores)
    alarms = rows - found
    return np.append(0.0, alarms / alarms[-1]), np.append(0.0, found / found[-1])


def threshold_at_tnr(positive: BoolArray, scores: FloatArray, tnr: float) -> float:
    """Return the smallest score t such that at least the share `tnr` of the negatives score <= t.

    positive, scores: shape (n,), with at least one negative; 0 < tnr <= 1. The share is the
    float64 quotient of two integers, compared with >=, as in the official program: 19 of 20
    reach 0.95.
    """
    negatives = np.sort(scores[~positive])
    candidates = np.unique(scores)
    kept = np.searchsorted(negatives, candidates, side="right") / len(negatives)
    return float(candidates[np.argmax(kept >= tnr)])


def threshold_at_tpr(positive: BoolArray, scores: FloatArray, tpr: float) -> float:
    """Return the largest score t such that at least the share `tpr` of the positives score >= t.

    positive, scores: shape (n,), with at least one positive; 0 < tpr <= 1. The mirror image of
    `threshold_at_tnr`.
    """
    return 0.0 - threshold_at_tnr(~positive, -scores, tpr)


def share_above(scores: FloatArray, threshold: float) -> float:
    """Return the share of the scores that are strictly above the threshold."""
    return float(np.count_nonzero(scores > threshold) / len(scores))


def share_at_or_above(scores: FloatArray, threshold: float) -> float:
    """Return the share of the scores that reach the threshold."""
    return float(np.count_nonzero(scores >= threshold) / len(scores))


def auroc(higher: FloatArray, lower: FloatArray) -> float:
    """Return the share of pairs (h, l) with h > l, ties counting half: the area under the ROC.

    higher: (n,), the scores that should be the higher ones; lower: (m,). NaN where one is empty.
    """
    if not (len(higher) and len(lower)):
        return float("nan")
    ordered = np.sort(lower)
    below = np.searchsorted(ordered, higher, side="left")
    at_or_below = np.searchsorted(ordered, higher, side="right")
    return float(np.mean(below + at_or_below) / (2 * len(lower)))


def _counts_from_the_top(
    positive: BoolArray, scores: FloatArray
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positives, and all rows, that score at or above each distinct score, from the highest down.

    Rows with equal scores enter together.
    """
    order = np.argsort(-scores, kind="stable")
    descending = scores[order]
    # "!=" and not a difference, which overflows for huge scores.
    last_of_tie = np.append(np.flatnonzero(descending[1:] != descending[:-1]), len(scores) - 1)
    return np.cumsum(positive[order])[last_of_tie], last_of_tie + 1
