"""Split a collection: a test part set aside, and validation inside the training part."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedShuffleSplit

TEST_SHARE = 0.15  # set aside before any filter of cleaning that learns
VALIDATION_SHARE = 0.1
Rows = NDArray[np.intp]


def folds(family: NDArray[np.str_], count: int, seed: int = 0) -> NDArray[np.intp]:
    """Return the fold (n,), 0 to count - 1, of each image; each family is spread over the folds.

    A family with fewer images than folds is missing from some of them.
    """
    rng = np.random.default_rng(seed)
    fold = np.empty(len(family), dtype=np.intp)
    start = 0
    for name in np.unique(family):
        rows = rng.permutation(np.flatnonzero(family == name))
        fold[rows] = (start + np.arange(len(rows))) % count
        start += len(rows)  # so that small families do not all fill the first folds
    return fold


def split_off(family: NDArray[np.str_], seed: int, share: float = TEST_SHARE) -> NDArray[np.bool_]:
    """Return which images are set aside for a test, (n,), stratified by family (n,).

    Families of one image stay in the training part. share 0 sets none aside.
    """
    aside = np.zeros(len(family), dtype=np.bool_)
    names, counts = np.unique(family, return_counts=True)
    rows = np.flatnonzero(np.isin(family, names[counts > 1]))
    if share and len(rows):
        size = max(len(np.unique(family[rows])), round(share * len(rows)))
        splitter = StratifiedShuffleSplit(1, test_size=size, random_state=seed)
        ((_, test),) = splitter.split(rows, family[rows])
        aside[rows[test]] = True
    return aside


def validation_rows(
    family: NDArray[np.str_], share: float = VALIDATION_SHARE, seed: int = 0
) -> Rows:
    """Return the rows for validation: `share` of all, spread over the families.

    A family of one image is trained on. Two runs give the same rows.
    """
    chosen = folds(family, round(1 / share), seed) == 0
    names, counts = np.unique(family, return_counts=True)
    return np.flatnonzero(chosen & ~np.isin(family, names[counts < 2]))


def repeated_folds(
    family: NDArray[np.str_], count: int, repeats: int, seed: int = 0
) -> Iterator[tuple[Rows, Rows]]:
    """Yield rows to train on and to validate with, for each fold of each repeat."""
    for repeat in range(repeats):
        fold = folds(family, count, seed + repeat)
        for k in range(count):
            yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)
