"""Statistics of the subspecies in a tower's features: means, covariances, std of scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.hybrid.covariance import class_statistics, whitening
from training.hybrid.crosses import Groups
from wildlife_wings.clip_scores import PARTS, FeatureStatistics, parts

Array = NDArray[np.float64]

SHRINKAGE = 0.1  # of a covariance towards a ball
LEAST_STD = 1e-3  # of the largest: a feature that hardly varies is not blown up
# Candidates for the score of a submission: the sum of these parts, each divided by its std.
SCORES = {
    **{name: (name,) for name in PARTS},
    "mahalanobis_and_midpoint": ("relative_mahalanobis", "midpoint"),
    "class_and_mahalanobis": ("hybrid_class", "relative_mahalanobis"),
    "class_and_distances": ("hybrid_class", "relative_mahalanobis", "midpoint"),
    "margin_and_distances": ("hybrid_or_margin", "relative_mahalanobis", "midpoint"),
}


def fit_statistics(
    features: Array,
    subspecies: NDArray[np.str_],
    view: NDArray[np.str_],
    components: int | None = None,
) -> FeatureStatistics:
    """Fit to features (n, d) of pure images; each side of a subspecies is a class of its own.

    A class counts by the root of its size, so that neither the common ones rule nor noise does.
    With `components`, distances are those among so many principal components of the standardised
    features, or as many as there are.
    """
    groups = Groups.of(subspecies, view)
    place = np.eye(features.shape[1])
    if components is not None:
        place = principal_components(features, components)
    means, within = class_statistics(features, groups)
    return FeatureStatistics(
        means,
        place @ whitening(place.T @ within @ place, SHRINKAGE),
        features.mean(axis=0),
        place @ whitening(np.atleast_2d(np.cov((features @ place).T)), SHRINKAGE),
        groups.pairs(),
    )


def principal_components(features: Array, count: int) -> Array:
    """Return the map (d, count) from features (n, d) onto components of the standardised ones."""
    std = features.std(axis=0)
    std = np.maximum(std, LEAST_STD * std.max())
    vectors = np.linalg.svd((features - features.mean(axis=0)) / std, full_matrices=False)[2]
    return np.asarray((vectors[: min(count, len(features) - 1)] / std).T)


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
