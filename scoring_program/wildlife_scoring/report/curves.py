"""The points of ranking curves, thinned to what a chart can show."""

from __future__ import annotations

import numpy as np

from wildlife_scoring.metrics import BoolArray, FloatArray, precision_recall, roc
from wildlife_scoring.report.svg import POINTS, Axis


def share_axis(label: str) -> Axis:
    """Return an axis from 0 to 100 %."""
    return Axis(label, 0.0, 1.0, percent=True)


def precision_steps(positive: BoolArray, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return recall and precision of the steps whose area is the average precision.

    positive, scores: shape (n,), with at least one positive. The precision at a recall holds left
    of it.
    """
    precision, recall = precision_recall(positive, scores)
    gained = np.flatnonzero(np.diff(recall, prepend=0.0))
    precision, recall = precision[gained], recall[gained]
    if len(recall) > POINTS:
        kept = np.unique(np.searchsorted(recall, np.linspace(recall[0], 1.0, POINTS)))
        precision, recall = precision[kept], recall[kept]
    return np.append(0.0, recall), np.append(precision, precision[-1])


def threshold_grid(scores: FloatArray, threshold: float, axis: Axis) -> FloatArray:
    """Return thresholds where curves step: all, or evenly spaced ones where there are many."""
    steps = np.unique(scores)
    if len(steps) > POINTS:
        steps = np.union1d(np.linspace(axis.low, axis.high, POINTS), [threshold])
    return np.concatenate([[min(axis.low, steps[0])], steps, [max(axis.high, steps[-1])]])


def shares_above(scores: FloatArray, grid: FloatArray) -> FloatArray:
    """Return the share of scores (n,) above each threshold of a grid."""
    at_or_below = np.searchsorted(np.sort(scores), grid, side="right")
    return np.asarray(1 - at_or_below / len(scores), dtype=np.float64)


def roc_line(positive: BoolArray, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return false and true positive rate of the corners of the ROC curve, ends included.

    positive, scores: shape (n,), with at least one of each class.
    """
    fpr, tpr = roc(positive, scores)
    if len(fpr) > POINTS:
        along = fpr + tpr  # how far along the curve a corner lies: from 0 to 2, always rising
        kept = np.unique(np.searchsorted(along, np.linspace(0.0, along[-1], POINTS)))
        fpr, tpr = fpr[kept], tpr[kept]
    return fpr, tpr
