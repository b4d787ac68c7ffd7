"""Cut one dataset of the database into a gallery and queries, some of them new individuals.

Thresholds are chosen on many such splits, one for each seed. Two rules:
- queries are validation images only, and only individuals without any training image become new
  (training/reid/thresholds/validation.py);
- an individual with one image is never a known query: without that image, the gallery lacks it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.common.errors import DataError

Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]
Names = NDArray[np.str_]

SEEDS = tuple(range(20))
NEW_SHARE = 0.25  # of all individuals, and at most half of those that may become new
QUERY_SHARE = 0.3  # of a known individual's images, as far as they are validation images


class Split(NamedTuple):
    """Rows of the gallery (g,) and of the queries (q,), and which queries are new (q,)."""

    gallery: Rows
    queries: Rows
    new: Mask


def draw_split(identity: Names, rows: Rows, validation: Mask, seed: int) -> Split:
    """Split the `rows` of one dataset; identity and validation (n,) cover the whole table.

    Raises DataError where no individual can become new, or no image can be a known query.
    """
    rng = np.random.default_rng(seed)
    names = np.unique(identity[rows])
    trained = set(identity[rows[~validation[rows]]].tolist())
    free = rng.permutation([name for name in names.tolist() if name not in trained])
    removed = set(free[: min(round(len(names) * NEW_SHARE), len(free) // 2)].tolist())
    new = np.isin(identity[rows], list(removed))
    queries = new.copy()
    for name in names.tolist():
        own = np.flatnonzero(identity[rows] == name)
        # Drawn for the removed individuals too, so that the others' draws do not depend on them.
        usable = rng.permutation(own[validation[rows[own]]])
        # At least one image stays in the gallery, so an individual with one is no query.
        count = min(max(1, round(len(own) * QUERY_SHARE)), len(own) - 1, len(usable))
        if name not in removed:
            queries[usable[:count]] = True
    if not removed or not (queries & ~new).any():
        raise DataError(
            f"{len(names)} individuals, {len(free)} of them without a training image: expected at "
            "least 2 of those, and a validation image of an individual with two images or more"
        )
    return Split(rows[~queries], rows[queries], new[queries])


def draw_splits(
    identity: Names, dataset: Names, validation: Mask | None = None, seeds: Sequence[int] = SEEDS
) -> dict[str, list[Split]]:
    """Draw one split for each seed in each dataset; without `validation` any image may be a query.

    Raises DataError with all datasets that no seed can split.
    """
    if validation is None:
        validation = np.ones(len(identity), dtype=np.bool_)
    splits: dict[str, list[Split]] = {}
    problems = []
    for name in np.unique(dataset).tolist():
        rows = np.flatnonzero(dataset == name)
        splits[name], reason = [], "no seeds"
        for seed in seeds:
            # In a small dataset one seed may remove everybody who could be a known query.
            try:
                splits[name].append(draw_split(identity, rows, validation, seed))
            except DataError as error:
                reason = str(error)
        if not splits[name]:
            problems.append(f"dataset {name!r}: {reason}")
    if problems:
        raise DataError("\n".join(problems))
    return splits
