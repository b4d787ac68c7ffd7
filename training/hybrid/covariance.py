"""Covariances within classes, and maps into spaces where a covariance is the unit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.hybrid.crosses import Groups

Array = NDArray[np.float64]


def class_statistics(features: Array, groups: Groups) -> tuple[Array, Array]:
    """Return the groups' means (k, d) of features (n, d), and the covariance (d, d) within groups.

    A group counts by the root of its size, so that neither the common ones rule nor noise does.
    """
    means = np.stack([features[groups.member == k].mean(axis=0) for k in range(len(groups.names))])
    within = np.zeros((features.shape[1],) * 2)
    total = 0.0
    for k, mean in enumerate(means):
        centred = features[groups.member == k] - mean
        weight = np.sqrt(len(centred))
        within += weight * centred.T @ centred / len(centred)
        total += weight
    return means, within / total


def whitening(covariance: Array, shrinkage: float) -> Array:
    """Return the map (d, d) into a space where the covariance, shrunk to a ball, is the unit."""
    ball = np.eye(len(covariance)) * np.trace(covariance) / len(covariance)
    values, vectors = np.linalg.eigh((1 - shrinkage) * covariance + shrinkage * ball)
    return np.asarray(vectors / np.sqrt(np.maximum(values, 1e-12)))
