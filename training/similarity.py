"""The most similar gallery rows of each query, without the whole similarity matrix in memory.

The products are computed for a block of queries at a time by BLAS in float32, and only the best few
of each row are kept. Where the gallery has more than FAISS_FROM rows and faiss is installed, its
exact search (IndexFlatIP) does the same; faiss is not needed, and nothing here installs it.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float32]

BLOCK_BYTES = 64 * 2**20  # of similarities at a time, beside the features themselves
FAISS_FROM = 100_000  # gallery rows
METRICS = ("cosine", "dot")


@dataclass(frozen=True)
class Nearest:
    """For each query the most similar gallery rows, best first; both arrays are (q, k).

    index: rows of the gallery, among equal scores the smaller first (which of several equal ones
    still gets the last place is not defined); score: their similarity; how: what computed it.
    """

    index: NDArray[np.intp]
    score: Floats
    how: str


def nearest(queries: ArrayLike, gallery: ArrayLike, k: int, metric: str = "cosine") -> Nearest:
    """The `k` most similar of the gallery's rows, (g, d), for each query, (q, d); all, if k > g.

    metric: "cosine" (a row of zeros has similarity 0 with everything) or "dot". Results may differ
    in the last bits from those of another block size, as those of any BLAS do. Raises ValueError
    for an empty gallery, other shapes, k < 1, another metric, and rows that are not finite.
    """
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}, found {metric!r}")
    if k < 1:
        raise ValueError(f"k must be at least 1, found {k}")
    left, right = _features("queries", queries), _features("gallery", gallery)
    if not len(right):
        raise ValueError("the gallery is empty: there is nothing to compare with")
    if left.shape[1] != right.shape[1]:
        raise ValueError(f"queries have {left.shape[1]} columns, the gallery {right.shape[1]}")
    scale_left, scale_right = (_scales(name, x, metric) for name, x in _named(left, right))
    k = min(k, len(right))
    if len(right) > FAISS_FROM and importlib.util.find_spec("faiss"):
        return _by_faiss(left * scale_left[:, None], right * scale_right[:, None], k)
    how = "blocks"
    if len(right) > FAISS_FROM:
        how = f"blocks (over {FAISS_FROM:,} rows faiss would be quicker; it is not installed)"
    return _by_blocks(left, scale_left, right, scale_right, k, how)


def rows_in_block(gallery_rows: int) -> int:
    """How many queries are compared at a time, so that BLOCK_BYTES hold their similarities."""
    return max(1, BLOCK_BYTES // (4 * gallery_rows))


def _by_blocks(
    left: Floats, scale_left: Floats, right: Floats, scale_right: Floats, k: int, how: str
) -> Nearest:
    index = np.empty((len(left), k), dtype=np.intp)
    score = np.empty((len(left), k), dtype=np.float32)
    size = rows_in_block(len(right))
    for start in range(0, len(left), size):
        rows = slice(start, start + size)
        # Scaling the products spares a normalised copy of the gallery.
        block = left[rows] @ right.T
        block *= scale_right
        block *= scale_left[rows, None]
        index[rows], score[rows] = _best(block, k)
    return Nearest(index, score, how)


def _best(block: Floats, k: int) -> tuple[NDArray[np.intp], Floats]:
    """The k largest of each row with their columns, sorted by falling score, then by column."""
    place = np.argpartition(block, block.shape[1] - k, axis=1)[:, block.shape[1] - k :]
    place.sort(axis=1)  # so that a stable sort by score leaves equal ones in order
    values = np.take_along_axis(block, place, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    return np.take_along_axis(place, order, axis=1), np.take_along_axis(values, order, axis=1)


def _by_faiss(left: Floats, right: Floats, k: int) -> Nearest:
    import faiss  # type: ignore[import-not-found,unused-ignore]

    index = faiss.IndexFlatIP(right.shape[1])
    index.add(right)
    score, place = index.search(left, k)
    return Nearest(place.astype(np.intp), score.astype(np.float32), "faiss")


def _features(name: str, values: ArrayLike) -> Floats:
    array = np.ascontiguousarray(values, dtype=np.float32)
    if array.ndim != 2:
        raise ValueError(f"{name} must have two axes, (rows, features), found shape {array.shape}")
    return array


def _named(left: Floats, right: Floats) -> tuple[tuple[str, Floats], ...]:
    return (("queries", left), ("gallery", right))


def _scales(name: str, features: Floats, metric: str) -> Floats:
    """What each row's products are multiplied by, (n,). Raises ValueError for rows not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        squared = np.einsum("ij,ij->i", features, features)
    bad = np.flatnonzero(~np.isfinite(squared))
    if len(bad):
        raise ValueError(
            f"{len(bad)} of {len(features)} {name} rows hold NaN, inf or huge values, the first "
            f"one is row {bad[0]}"
        )
    if metric == "dot":
        return np.ones(len(features), dtype=np.float32)
    norm = np.sqrt(squared)
    scales: Floats = np.divide(1, norm, out=np.zeros_like(norm), where=norm > 0)
    return scales
