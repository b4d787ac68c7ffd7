"""How much a crop agrees with each known species, by several measures, and one score of them.

Each measure gives an agreement with each species, higher = more alike. A crop is as anomalous as
its largest agreement over the species is small.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SVM, NEIGHBOURS, MAHALANOBIS = "svm", "neighbours", "relative mahalanobis"
NEAREST = 3  # neighbours whose mean similarity counts
SHRINKAGE = 0.3  # of a covariance towards a multiple of the unit matrix
NOTHING = -1.0  # evidence of a frame without animals; of a known animal it is 0 on average
_STEEPEST = 30.0  # log-odds at which a probability is 0 or 1 in nearly all its digits


class OneClass(Protocol):
    """What scikit-learn's OneClassSVM offers here."""

    def decision_function(self, vectors: Array) -> Array: ...


@dataclass(frozen=True)
class Space:
    """Features (n, d) -> standardised, on their principal components, of length 1: (n, k).

    mean, scale: (d,); axes: (d, k).
    """

    mean: Array
    scale: Array
    axes: Array

    def __call__(self, features: Array) -> Array:
        projected = ((features - self.mean) / self.scale) @ self.axes
        lengths = np.linalg.norm(projected, axis=1, keepdims=True)
        return np.asarray(projected / np.maximum(lengths, 1e-9))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of a file, in single precision."""
        return {name: value.astype(np.float32) for name, value in vars(self).items()}


@dataclass(frozen=True)
class Known:
    """Vectors (n, k) of training crops in a space, and the number of each one's species (n,)."""

    vectors: Array
    species: NDArray[np.int64]

    def of_each(self) -> list[Array]:
        """Return the vectors of each species, in the order of their numbers."""
        return [self.vectors[self.species == number] for number in np.unique(self.species)]


class SvmAgreement:
    """(n, species): the decision functions of a one-class SVM for each species."""

    def __init__(self, svms: Sequence[OneClass]) -> None:
        self._svms = svms

    def __call__(self, vectors: Array) -> Array:
        return np.stack([svm.decision_function(vectors) for svm in self._svms], axis=1)


class NeighbourAgreement:
    """(n, species): mean cosine of the NEAREST training crops of each species."""

    def __init__(self, known: Known) -> None:
        self._of_each = known.of_each()

    def __call__(self, vectors: Array) -> Array:
        return np.stack([_nearest(vectors @ own.T) for own in self._of_each], axis=1)


def _nearest(cosines: Array) -> Array:
    count = min(NEAREST, cosines.shape[1])
    return np.asarray(np.partition(cosines, -count, axis=1)[:, -count:].mean(axis=1))


class MahalanobisAgreement:
    """(n, species): minus the relative Mahalanobis distance (Ren et al. 2021).

    The distance to the species' mean under the covariance within species, less the distance to the
    mean of all crops under the covariance of all.
    """

    def __init__(self, known: Known) -> None:
        of_each = known.of_each()
        self._means = [own.mean(axis=0) for own in of_each]
        within = np.concatenate([own - own.mean(axis=0) for own in of_each])
        self._within = _precision(within)
        self._mean = known.vectors.mean(axis=0)
        self._all = _precision(known.vectors - self._mean)

    def __call__(self, vectors: Array) -> Array:
        general = _squared(vectors - self._mean, self._all)
        return np.stack(
            [general - _squared(vectors - mean, self._within) for mean in self._means], axis=1
        )


def _precision(centred: Array) -> Array:
    covariance = centred.T @ centred / max(len(centred) - 1, 1)
    size = len(covariance)
    target = max(float(np.trace(covariance)) / size, 1e-9) * np.eye(size)
    return np.asarray(np.linalg.inv((1 - SHRINKAGE) * covariance + SHRINKAGE * target))


def _squared(differences: Array, precision: Array) -> Array:
    return np.asarray(np.einsum("ij,jk,ik->i", differences, precision, differences))


def agreement(measure: str, known: Known, svms: Sequence[OneClass]) -> Any:
    """Return the measure of that name. Raises ValueError that lists the names."""
    if measure == SVM:
        return SvmAgreement(svms)
    if measure == NEIGHBOURS:
        return NeighbourAgreement(known)
    if measure == MAHALANOBIS:
        return MahalanobisAgreement(known)
    raise ValueError(
        f"no measure {measure!r}; there are {', '.join((SVM, NEIGHBOURS, MAHALANOBIS))}"
    )


@dataclass(frozen=True)
class Part:
    """One measure on one kind of features, on the scale of known animals.

    centre, scale: mean and standard deviation of the anomaly (minus the largest agreement) of
    crops of known species that the measure was not fitted on.
    """

    features: str
    measure: str
    centre: float
    scale: float

    @property
    def name(self) -> str:
        """The measure and its features, in words."""
        return f"{self.measure} on {self.features}"

    def standardised(self, agreements: Array) -> Array:
        """(n, species) agreements -> (n,) standard deviations above a known animal's anomaly."""
        return np.asarray((-agreements.max(axis=1) - self.centre) / self.scale)


def fused(parts: Sequence[Part], agreements: Mapping[str, Array]) -> Array:
    """Return (n,): the mean of the parts; `agreements` (n, species) by the parts' names."""
    each = [part.standardised(agreements[part.name]) for part in parts]
    return np.asarray(np.mean(each, axis=0))


def weighed(evidence: Array, confidence: Array) -> Array:
    """Return the evidence (n,) in proportion to how sure the detector is of each animal.

    confidence: (n,) in 0..1; at 0 the evidence is that of a frame without animals. A false
    detection is like no known species, but the detector is seldom sure of it.
    """
    return np.asarray(NOTHING + confidence * (np.maximum(evidence, NOTHING) - NOTHING))


def calibrated(evidence: Array, offset: float, slope: float) -> Array:
    """Return (n,) in 0..1: the probability of an anomaly where half of the crops are one.

    offset, slope: of a logistic regression, chosen in training with species left out in turn.
    """
    exponents = np.clip(slope * evidence + offset, -_STEEPEST, _STEEPEST)
    return np.asarray(1 / (1 + np.exp(-exponents)))


def log_odds(probability: float) -> float:
    """Return the logarithm of p / (1 - p), within +-30.

    A probability near 0 or 1 has no four decimals left to tell frames apart; its log-odds have.
    """
    if probability <= 0 or probability >= 1:
        return _STEEPEST if probability >= 1 else -_STEEPEST
    found = math.log(probability) - math.log1p(-probability)
    return min(max(found, -_STEEPEST), _STEEPEST)
