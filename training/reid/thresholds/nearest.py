"""Name the nearest individual of a gallery: what thresholds are chosen for.

A system is a `Nearest`: a function of gallery rows and query rows, all of one dataset, that returns
for each query the best individual and its score. Two such systems for plain embeddings are here;
the submissions that fuse several scores bring their own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]
Names = NDArray[np.str_]
Scores = NDArray[np.float64]
# (gallery rows (g,), query rows (q,)) -> (best individual (q,), its score (q,)).
Nearest = Callable[[Rows, Rows], tuple[Names, Scores]]


def nearest_by_cosine(embeddings: NDArray[np.floating], identity: Names) -> Nearest:
    """Name the individual of the image with the largest cosine; embeddings: (n, d), any length."""
    length = np.linalg.norm(embeddings, axis=1, keepdims=True)
    unit = (embeddings / np.maximum(length, 1e-12)).astype(np.float64)

    def nearest(gallery: Rows, queries: Rows) -> tuple[Names, Scores]:
        cosine = unit[queries] @ unit[gallery].T
        cosine = np.where(np.isfinite(cosine), cosine, -np.inf)
        best = cosine.argmax(axis=1)
        return identity[gallery[best]], cosine[np.arange(len(queries)), best]

    return nearest


def nearest_centroid(embeddings: NDArray[np.floating], identity: Names) -> Nearest:
    """Name the individual with the nearest mean embedding; the score is minus the distance."""
    values = embeddings.astype(np.float64)

    def nearest(gallery: Rows, queries: Rows) -> tuple[Names, Scores]:
        names, code = np.unique(identity[gallery], return_inverse=True)
        sums = np.zeros((len(names), values.shape[1]))
        np.add.at(sums, code, values[gallery])
        centroids = sums / np.bincount(code)[:, None]
        score = -np.linalg.norm(values[queries][:, None] - centroids[None], axis=2)
        score = np.where(np.isfinite(score), score, -np.inf)
        best = score.argmax(axis=1)
        return names[best], score[np.arange(len(queries)), best]

    return nearest
