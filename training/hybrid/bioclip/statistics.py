"""Statistics of the subspecies in a tower's features: means, covariances, std of scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.hybrid.crosses import Groups
from wildlife_wings.clip_scores import PARTS, FeatureStatistics, parts

Array = NDArray[np.float64]

SHRINKAGE = 0.1  # of a covariance towards a ball
# Candidates for the score of a submission: the sum of these parts, each divided by its std.
SCORES = {
    **{name: (name,) for name in PARTS},
    "mahalanobis_and_midpoint": ("relative_mahalanobis", "midpoint"),
    "class_and_distances": ("hybrid_class", "relative_mahalanobis", "midpoint"),
    "margin_and_distances": ("hybrid_or_margin", "relative_mahalanobis", "midpoint"),
}


def fit_statistics(
    features: Array, subspecies: NDArray[np.str_], view: NDArray[np.str_]
) -> FeatureStatistics:
    """Fit to features (n, d) of pure images; each side of a subspecies is a class of its own.

    A class counts by the root of its size, so that neither the common ones rule nor noise does.
    """
    groups = Groups.of(subspecies, view)
    means = np.stack([features[groups.member == k].mean(axis=0) for k in range(len(groups.names))])
    within = np.zeros((features.shape[1],) * 2)
    total = 0.0
    for k, mean in enumerate(means):
        centred = features[groups.member == k] - mean
        weight = np.sqrt(len(centred))
        within += weight * centred.T @ centred / len(centred)
        total += weight
    everywhere = np.cov(features.T)
    return FeatureStatistics(
        means,
        _whitening(within / total),
        features.mean(axis=0),
        _whitening(everywhere),
        groups.pairs(),
    )


def _whitening(covariance: Array) -> Array:
    """(d, d) map into a space where that covariance, shrunk towards a ball, is the unit."""
    ball = np.eye(len(covariance)) * np.trace(covariance) / len(covariance)
    values, vectors = np.linalg.eigh((1 - SHRINKAGE) * covariance + SHRINKAGE * ball)
    result: Array = vectors / np.sqrt(np.maximum(values, 1e-12))
    return result


def part_table(
    features: Array, logits: Array, hybrid: int | None, statistics: FeatureStatistics
) -> dict[str, Array]:
    """Return each of PARTS for every image, (n,)."""
    rows = [parts(*pair, hybrid, statistics) for pair in zip(logits, features, strict=True)]
    return {name: np.array([row[name] for row in rows]) for name in PARTS}


def score_weights(pure: dict[str, Array], crosses: dict[str, Array]) -> dict[str, dict[str, float]]:
    """Return SCORES with a weight per part: 1 / its std over pure images and crosses together.

    A part that stands alone weighs 1, so that its published scale, as log-odds, is kept.
    """
    std = {
        name: max(float(np.concatenate([pure[name], crosses[name]]).std()), 1e-9) for name in PARTS
    }
    return {
        score: {name: 1.0 if len(names) == 1 else 1 / std[name] for name in names}
        for score, names in SCORES.items()
    }
