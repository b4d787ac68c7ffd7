"""Fit spaces, one-class SVMs and the other measures to the crops of known species."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import OneClassSVM

from wildlife_anomaly.scores import SVM, Array, Known, OneClass, Space, agreement

COMPONENTS = 100  # of a space at most


@dataclass(frozen=True)
class Setting:
    """One measure on one kind of features; nu and gamma are the one-class SVM's."""

    features: str
    measure: str
    nu: float = 0.1
    gamma: float = 2.0

    @property
    def title(self) -> str:
        """The setting in words, for a table."""
        svm = f", nu {self.nu:g}, gamma {self.gamma:g}" if self.measure == SVM else ""
        return f"{self.measure} on {self.features}{svm}"


def fit_space(features: Array, most: int = COMPONENTS) -> Space:
    """Fit standardisation and principal components to features (n, d), most variance first."""
    mean, std = features.mean(axis=0), features.std(axis=0)
    scale = np.where(std > 1e-6, std, 1.0)  # a feature that never varies stays 0
    _, _, rows = np.linalg.svd((features - mean) / scale, full_matrices=False)
    return Space(mean, scale, rows[: min(most, len(features) - 1)].T)


def numbers_of(species: NDArray[np.str_]) -> tuple[list[str], NDArray[np.int64]]:
    """Return the names of the species, sorted, and the number of each crop's species (n,)."""
    names, numbers = np.unique(species, return_inverse=True)
    return [str(name) for name in names], numbers.astype(np.int64)


def fit_svms(known: Known, nu: float, gamma: float) -> list[OneClass]:
    """Fit a one-class SVM to each species' vectors."""
    svms: list[OneClass] = [OneClassSVM(nu=nu, gamma=gamma).fit(own) for own in known.of_each()]
    return svms


def anomalies(setting: Setting, known: Known, judged: Array) -> Array:
    """Return minus the largest agreement (m,) of judged crops with any species.

    known: vectors of the space; judged: vectors (m, k) in it.
    """
    svms = fit_svms(known, setting.nu, setting.gamma) if setting.measure == SVM else []
    return np.asarray(-agreement(setting.measure, known, svms)(judged).max(axis=1))
