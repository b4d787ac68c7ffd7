"""Do the probabilities of the first candidates say how often they are right?

The expected calibration error of Guo et al. 2017 ("On calibration of modern neural networks") with
equal bins: the mean over the images of the distance between a bin's accuracy and its confidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wildlife_scoring.candidates import Candidates
from wildlife_scoring.metrics import BoolArray, FloatArray

BINS = 10
SLACK = 1e-3  # that the sum of rounded probabilities may exceed 1 by


@dataclass(frozen=True)
class Calibration:
    """Accuracy and confidence in equal bins of the confidence; arrays of shape (BINS,).

    images: in each bin; accuracy and confidence: their means, NaN where a bin is empty; error: the
    expected calibration error.
    """

    images: FloatArray
    accuracy: FloatArray
    confidence: FloatArray
    error: float


def calibration(confidence: FloatArray, right: BoolArray) -> Calibration:
    """Compare the confidences, (n,) from 0 to 1, n >= 1, with what is right, (n,)."""
    place = np.clip((confidence * BINS).astype(np.intp), 0, BINS - 1)
    images = np.bincount(place, minlength=BINS)
    hits = np.bincount(place, right, minlength=BINS)
    total = np.bincount(place, confidence, minlength=BINS)
    with np.errstate(invalid="ignore"):
        accuracy, mean = hits / images, total / images
    error = float(np.sum(np.abs(hits - total)) / len(confidence))
    return Calibration(images.astype(np.float64), accuracy, mean, error)


def are_probabilities(candidates: Candidates) -> bool:
    """Say whether all scores can be probabilities: first ones from 0 to 1, sums of at most 1."""
    first = candidates.score[np.isfinite(candidates.score)]
    inside = bool(np.all((first >= 0) & (first <= 1)))
    return inside and bool(np.all(candidates.total <= 1 + SLACK))
