"""The charts of the anomaly track, each thinned to a few hundred points."""

from __future__ import annotations

import numpy as np

from wildlife_scoring.anomaly.result import Scored
from wildlife_scoring.metrics import FloatArray, share_above, share_at_or_above
from wildlife_scoring.report.curves import precision_steps, roc_line, share_axis
from wildlife_scoring.report.svg import (
    BLUE,
    GREEN,
    GREY,
    PURPLE,
    VERMILLION,
    Axis,
    Curve,
    Dot,
    Frame,
    Marker,
    class_histogram,
    curve_chart,
    drawable,
    value_axis,
)


def roc_chart(scored: Scored) -> str:
    """Draw the ROC curve, chance, and the points of the two thresholds."""
    fpr, tpr = roc_line(scored.anomaly, scored.scores)
    evaluation, ends = scored.evaluation, np.array([0.0, 1.0])
    high, low = scored.scores[scored.anomaly], scored.scores[~scored.anomaly]
    curves = [
        Curve("chance 0.5", ends, ends, GREY, "6 4", straight=True),
        Curve(f"AUROC {evaluation.scores['auroc']:.3f}", fpr, tpr, BLUE, straight=True),
    ]
    at_tnr, at_tpr = evaluation.at_tnr, evaluation.at_tpr
    dots = [
        Dot("95 % TNR", share_above(low, at_tnr), share_above(high, at_tnr), VERMILLION),
        Dot("95 % TPR", share_at_or_above(low, at_tpr), share_at_or_above(high, at_tpr), GREEN),
    ]
    summary = "True positive rate over false positive rate; " + curves[1].label
    frame = Frame(
        share_axis("false alarms among the normal images"), share_axis("anomalies that are found")
    )
    return curve_chart(summary, frame, curves, dots=dots)


def precision_recall_chart(scored: Scored) -> str:
    """Draw precision over recall, and the share of anomalies, which random scores would reach."""
    recall, precision = precision_steps(scored.anomaly, scored.scores)
    chance = float(np.mean(scored.anomaly))
    value = scored.evaluation.scores["average_precision"]
    curves = [
        Curve(f"chance {chance:.3f}", np.array([0.0, 1.0]), np.full(2, chance), GREY, "6 4"),
        Curve(f"average precision {value:.3f}", recall, precision, PURPLE),
    ]
    summary = "Precision over recall; " + curves[1].label
    return curve_chart(summary, Frame(share_axis("recall"), share_axis("precision")), curves)


def score_histogram(title: str, scored: Scored, normal: FloatArray, found: FloatArray) -> str:
    """Draw the shares of normal images and of anomalies by score, with the threshold at 95 % TNR.

    normal, found: the scores, (n,) and (m,); the axis is that of all scores, so that charts can be
    compared.
    """
    classes = (("normal", normal, GREY), ("anomaly", found, VERMILLION))
    threshold = scored.evaluation.at_tnr
    mark = Marker(drawable(threshold), f"threshold {threshold:.4g}")
    summary = f"{title}: scores of the normal images and of the anomalies"
    return class_histogram(summary, score_axis(scored.scores), "share of each class", classes, mark)


def score_axis(scores: FloatArray) -> Axis:
    """Return an x axis that holds all scores; see `value_axis`."""
    return value_axis("predicted score", scores)
