"""The metrics of the anomaly track: does an image show what training has not seen?

AUROC and average precision are scikit-learn's. The two others read one point of the ROC curve
each: the false positive rate where 95 % of the anomalies are found, and the recall where 95 % of
the normal images stay at or below the threshold, by the threshold rule of the hybrid track.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from wildlife_scoring.metrics import (
    BoolArray,
    FloatArray,
    auroc,
    average_precision,
    share_above,
    share_at_or_above,
    threshold_at_tnr,
    threshold_at_tpr,
)

RATE = 0.95  # of normal images at or below one threshold, of anomalies at or above the other


@dataclass(frozen=True)
class Evaluation:
    """The leaderboard's scores, and the two thresholds that they rest on.

    at_tnr: a score above it is an alarm that `recall_at_95_tnr` counts; at_tpr: a score at or
    above it is one that `fpr_at_95_tpr` counts.
    """

    scores: dict[str, float]
    at_tnr: float
    at_tpr: float


def score(anomaly: ArrayLike, scores: ArrayLike, rate: float = RATE) -> dict[str, float]:
    """Return the four leaderboard values, in the leaderboard's order.

    anomaly: (n,) of 0 and 1; scores: (n,) finite numbers, higher = more anomalous; rate: the 95 %
    of the two last keys, 0 < rate <= 1. Raises ValueError for anything else, and where one of the
    two classes has no image: the metrics are undefined then.
    """
    return evaluate(anomaly, scores, rate).scores


def evaluate(anomaly: ArrayLike, scores: ArrayLike, rate: float = RATE) -> Evaluation:
    """Score like `score`, and keep the thresholds."""
    if not 0 < rate <= 1:
        raise ValueError(f"rate must lie in (0, 1], got {rate}")
    positive, values = _checked(anomaly, scores)
    undefined = undefined_because(positive)
    if undefined:
        raise ValueError(f"undefined metrics: {undefined}")
    at_tnr = threshold_at_tnr(positive, values, rate)
    at_tpr = threshold_at_tpr(positive, values, rate)
    return Evaluation(
        scores={
            "auroc": auroc(values[positive], values[~positive]),
            "average_precision": average_precision(positive, values),
            "fpr_at_95_tpr": share_at_or_above(values[~positive], at_tpr),
            "recall_at_95_tnr": share_above(values[positive], at_tnr),
        },
        at_tnr=at_tnr,
        at_tpr=at_tpr,
    )


def undefined_because(anomaly: BoolArray) -> str:
    """Say why the metrics of a table do not exist, which lacks a class; empty where they do."""
    anomalies = int(np.count_nonzero(anomaly))
    if 0 < anomalies < len(anomaly):
        return ""
    return (
        f"the table has {anomalies} anomalies and {len(anomaly) - anomalies} normal images, and "
        "needs at least one of each"
    )


def _checked(anomaly: ArrayLike, scores: ArrayLike) -> tuple[BoolArray, FloatArray]:
    truth, values = np.asarray(anomaly), np.asarray(scores, dtype=np.float64)
    if not (truth.ndim == 1 and truth.shape == values.shape):
        raise ValueError(
            "anomaly and scores must be two lists of one length, "
            f"got shapes {truth.shape} and {values.shape}"
        )
    if not np.isin(truth, (0, 1)).all():
        raise ValueError("anomaly must hold 0 and 1 only")
    if not np.isfinite(values).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(values))} scores are not finite")
    return truth == 1, values
