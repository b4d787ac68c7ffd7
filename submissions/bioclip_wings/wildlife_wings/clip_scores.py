"""From the head's logits and the tower's features to one number: higher = more likely a hybrid.

Published scores are kept in their order but not in their scale: a probability near 1 has no four
decimals left to tell images apart, its log-odds have. All functions take an image's logits (c,)
or features (d,) in float64 and return finite numbers within +-LIMIT.

Sources of the first two: teams henryliao85 and Justin900429 in the HDR butterfly challenge (2025;
the second also arXiv 2504.01671). Relative Mahalanobis distance: Ren et al. 2021 (OpenOOD).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LIMIT = 1000.0
SURE = 0.75  # two_parents: above this, one parent alone explains the image
# Unseen images lie farther from their class mean than those that made it: midpoint takes the
# within-class variance this much larger.
_VARIANCE = 1.5
PARTS = ("hybrid_or_margin", "two_parents", "hybrid_class", "relative_mahalanobis", "midpoint")


@dataclass(frozen=True)
class FeatureStatistics:
    """Where the classes lie among the features: means (k, d) of the subspecies, `whiten` (d, q)
    into a space where within-class variation is round, and the background: all subspecies as one,
    `background_mean` (d,) and `background_whiten` (d, r). `pairs` (2, p) can be parents together.
    """

    means: Array
    whiten: Array
    background_mean: Array
    background_whiten: Array
    pairs: NDArray[np.int64]

    def class_distances(self, feature: Array) -> Array:
        """Return (k,) squared Mahalanobis distances to the class means."""
        placed = feature @ self.whiten
        squared: Array = ((self.means @ self.whiten - placed) ** 2).sum(axis=1)
        return squared

    def background_distance(self, feature: Array) -> float:
        return float((((feature - self.background_mean) @ self.background_whiten) ** 2).sum())


def hybrid_or_margin(logits: Array, hybrid: int | None) -> float:
    """Return the log-odds of max(p_hybrid, 1 - (p1 - p2)), p1 and p2 the largest of the subspecies.

    `hybrid` is the hybrid class's place among the logits, None where the head has none.
    """
    log = _log_softmax(logits)
    pure = np.sort(_without(log, hybrid))[::-1]
    gap = pure[0] + np.log(-np.expm1(pure[1] - pure[0])) if pure[1] < pure[0] else -LIMIT
    # 1 - (p1 - p2) is all the rest and p2 twice, summed without a difference of near equals.
    rest = [pure[1] + np.log(2.0), *pure[2:]] + ([] if hybrid is None else [log[hybrid]])
    odds = _log_sum(np.array(rest)) - gap
    return _limited(odds if hybrid is None else max(odds, hybrid_class(logits, hybrid)))


def hybrid_class(logits: Array, hybrid: int) -> float:
    """Return the log-odds of p_hybrid."""
    return _limited(float(logits[hybrid]) - _log_sum(_without(logits, hybrid)))


def two_parents(logits: Array, hybrid: int | None) -> float:
    """Return the log-odds of (1 - p1 if p1 > 0.75 else p1 + p2), of the subspecies alone."""
    log = np.sort(_log_softmax(_without(logits, hybrid)))[::-1]
    if log[0] > np.log(SURE):
        return _limited(_log_sum(log[1:]) - log[0])
    rest = _log_sum(log[2:]) if len(log) > 2 else -LIMIT
    return _limited(_log_sum(log[:2]) - rest)


def relative_mahalanobis(feature: Array, statistics: FeatureStatistics) -> float:
    """Return the squared distance to the nearest subspecies, less that to all subspecies as one."""
    near = float(statistics.class_distances(feature).min())
    return near - statistics.background_distance(feature)


def midpoint(feature: Array, statistics: FeatureStatistics) -> float:
    """Return the log-odds of lying half-way between two subspecies against lying at one."""
    placed = feature @ statistics.whiten
    means = statistics.means @ statistics.whiten
    first, second = statistics.pairs
    middles = (means[first] + means[second]) / 2
    to_middle = ((middles - placed) ** 2).sum(axis=1)
    to_class = ((means - placed) ** 2).sum(axis=1)
    return _log_sum(-to_middle / (2 * _VARIANCE)) - _log_sum(-to_class / (2 * _VARIANCE))


def parts(
    logits: Array, feature: Array, hybrid: int | None, statistics: FeatureStatistics
) -> dict[str, float]:
    """Return every score of PARTS for an image; `hybrid_class` is 0 for a head without it."""
    return {
        "hybrid_or_margin": hybrid_or_margin(logits, hybrid),
        "two_parents": two_parents(logits, hybrid),
        "hybrid_class": 0.0 if hybrid is None else hybrid_class(logits, hybrid),
        "relative_mahalanobis": relative_mahalanobis(feature, statistics),
        "midpoint": midpoint(feature, statistics),
    }


def combined(values: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Return a weighted sum of parts; a weight of 1 / std gives each part an equal say."""
    return sum(weight * values[name] for name, weight in weights.items())


def _without(values: Array, place: int | None) -> Array:
    return values if place is None else np.delete(values, place)


def _log_sum(log: Array) -> float:
    top = float(log.max())
    return top + float(np.log(np.exp(log - top).sum()))


def _log_softmax(logits: Array) -> Array:
    return logits - _log_sum(logits)


def _limited(odds: float) -> float:
    return float(np.clip(odds, -LIMIT, LIMIT))
