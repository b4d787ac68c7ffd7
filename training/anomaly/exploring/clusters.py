"""Clusters and outliers of crops: DBSCAN in PCA space, its eps read off the k-distance curve.

Ester et al., "A density-based algorithm for discovering clusters" (KDD 1996), section 4.2: sort the
distances to the k-th neighbour; eps is where the curve turns up. Here the turn is the point that
lies the furthest below the straight line between the curve's ends (Satopaa et al., "Finding a
kneedle in a haystack", 2011).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import DBSCAN
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from training.common.errors import DataError

Points = NDArray[np.float64]
OUTLIER = -1
COMPONENTS = 50  # of the PCA, at most
SHARES_OF_CORES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Space:
    """Features after PCA: points (n, components), and the share of the variance that they keep."""

    points: Points
    kept: float


@dataclass(frozen=True)
class Clusters:
    """The cluster of each crop, (n,): 0 is the largest one, -1 an outlier.

    k_distance: (n,), the distance to the `min_samples`-th crop, the crop itself being the first,
    as DBSCAN counts. suggested: the eps that the curve suggests; eps: the one that was used.
    """

    label: NDArray[np.int64]
    k_distance: Points
    suggested: float
    eps: float
    min_samples: int

    @property
    def count(self) -> int:
        """Return the number of clusters, outliers not counted."""
        return int(self.label.max()) + 1

    @property
    def outliers(self) -> NDArray[np.bool_]:
        """Say of each crop whether it is an outlier, (n,)."""
        return np.equal(self.label, OUTLIER)


def pca_space(features: NDArray[np.floating]) -> Space:
    """Standardise features (n, d) and keep their first components, 50 at most.

    Raises DataError where all crops have the same features.
    """
    values = np.asarray(features, dtype=np.float64)
    std = values.std(axis=0)
    varying = std > 1e-9 * max(float(np.abs(values).max(initial=0.0)), 1e-300)
    if not varying.any():
        raise DataError(
            f"the features of all {len(values)} crops are equal, so that nothing can be told "
            "apart: look at the boxes of annotations.json, and at the encoder"
        )
    standardised = (values[:, varying] - values[:, varying].mean(axis=0)) / std[varying]
    components = min(COMPONENTS, len(values) - 1, standardised.shape[1])
    pca = PCA(components, svd_solver="full")
    return Space(pca.fit_transform(standardised), float(pca.explained_variance_ratio_.sum()))


def k_distances(points: Points, k: int) -> Points:
    """Return the distance of each point, (n, d), to its k-th nearest, itself being the first."""
    distances, _ = NearestNeighbors(n_neighbors=k).fit(points).kneighbors(points)
    return np.asarray(distances[:, -1], dtype=np.float64)


def knee(ascending: Points) -> float:
    """Return the value where an ascending curve (n,) turns up; its last one where it is flat."""
    low, high = float(ascending[0]), float(ascending[-1])
    if not high > low:
        return high
    below = np.linspace(0, 1, len(ascending)) - (ascending - low) / (high - low)
    return float(ascending[int(np.argmax(below))])


def find_clusters(points: Points, min_samples: int, eps: float | None = None) -> Clusters:
    """Find the clusters of points (n, d) with DBSCAN.

    min_samples: crops within eps, itself counted, that make a crop the core of a cluster. eps: of
    the k-distance curve's knee by default.

    Raises DataError where min_samples is above n, or where most crops are equal, so that the curve
    suggests an eps of 0.
    """
    if min_samples > len(points):
        raise DataError(
            f"--min-samples {min_samples}: expected at most the number of crops, {len(points)}"
        )
    distances = k_distances(points, min_samples)
    suggested = knee(np.sort(distances))
    used = suggested if eps is None else eps
    if not used > 0:
        raise DataError(
            f"most of the {len(points)} crops have a twin of the same features, so that the "
            "k-distance curve suggests an eps of 0: give --eps, or remove repeated images"
        )
    label = DBSCAN(eps=used, min_samples=min_samples).fit(points).labels_
    return Clusters(_by_size(label), distances, suggested, used, min_samples)


@dataclass(frozen=True)
class Other:
    """What another eps would give: clusters, outliers, and the crops of the largest cluster."""

    eps: float
    clusters: int
    outliers: int
    largest: int


def other_eps(points: Points, found: Clusters) -> list[Other]:
    """Return what DBSCAN finds at quantiles of the k-distances, and at the eps that was used.

    The quantiles are 0.3 to 0.9: with so large a share of the crops as cores. In ascending order.
    """
    quantiles = np.quantile(found.k_distance, SHARES_OF_CORES).tolist()
    results = []
    for eps in sorted({*quantiles, found.eps} - {0.0}):
        label = DBSCAN(eps=eps, min_samples=found.min_samples).fit(points).labels_
        sizes = np.bincount(label[label != OUTLIER])
        outliers = int(np.count_nonzero(label == OUTLIER))
        results.append(Other(eps, len(sizes), outliers, int(sizes.max(initial=0))))
    return results


def _by_size(label: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the clusters again, the largest first; of equal ones the one of the first crop."""
    names, counts = np.unique(label[label != OUTLIER], return_counts=True)
    number = {int(names[at]): new for new, at in enumerate(np.argsort(-counts, kind="stable"))}
    return np.array([number.get(int(name), OUTLIER) for name in label], dtype=np.int64)
