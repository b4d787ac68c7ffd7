"""Points of many dimensions on a plane, for the eye only: t-SNE, and UMAP where it is installed."""

from __future__ import annotations

from importlib import import_module, util
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import TSNE

from training.common.errors import DataError

Points = NDArray[np.float64]
USUAL_PERPLEXITY = 30.0


def usual_perplexity(crops: int) -> float:
    """Return 30, or less for few crops: a third of the others, the most that is advised."""
    return min(USUAL_PERPLEXITY, max((crops - 1) / 3, 1.0))


def planes(points: Points, perplexity: float, seed: int) -> dict[str, Points]:
    """Return planes (n, 2) of points (n, d) by name: "t-SNE", and "UMAP" where it is installed.

    Call it with one thread: sums are split over threads, and the last digits grow. Raises
    DataError where the perplexity is not below n.
    """
    if not perplexity < len(points):
        raise DataError(
            f"--perplexity {perplexity:g}: expected less than the number of crops, {len(points)}; "
            f"leave the option out for {usual_perplexity(len(points)):.3g}"
        )
    found = {"t-SNE": tsne(points, perplexity, seed)}
    if util.find_spec("umap") is not None:
        found["UMAP"] = umap(points, perplexity, seed)
    return found


def tsne(points: Points, perplexity: float, seed: int) -> Points:
    """Return t-SNE's plane (n, 2) of points (n, d >= 1).

    It starts from the first two components, moved by a hundredth of their std at random.
    """
    start = points[:, :2] if points.shape[1] > 1 else np.repeat(points, 2, axis=1)
    moved = np.random.default_rng(seed).normal(scale=0.01, size=start.shape)
    # The size of the start that scikit-learn's own init="pca" has; more would freeze the layout.
    start = 1e-4 * (start / np.std(start[:, 0]) + moved)
    model = TSNE(perplexity=perplexity, init=start.astype(np.float32), random_state=seed)
    return np.asarray(model.fit_transform(points), dtype=np.float64)


def umap(points: Points, perplexity: float, seed: int) -> Points:
    """Return UMAP's plane (n, 2) with as many neighbours as the perplexity; n > 2."""
    package: Any = import_module("umap")
    neighbours = int(np.clip(round(perplexity), 2, len(points) - 1))
    # One job: UMAP warns otherwise that a seed allows no more.
    model = package.UMAP(n_neighbors=neighbours, random_state=seed, n_jobs=1)
    return np.asarray(model.fit_transform(points), dtype=np.float64)
