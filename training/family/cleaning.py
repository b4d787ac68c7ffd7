"""Run filters one after the other; the split comes before any filter that learns.

The collection is split 85/15, stratified by family, before the first filter. Filters that learn
see the training part only, and the 15 % are never cleaned by them: what is learnt from an image
must not decide whether that image is in the test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.family.filters.frame import Filter, FilterUnavailable, Flags, Given


@dataclass(frozen=True)
class Removed:
    """What a filter removes: rows of the whole collection; of how many it was shown."""

    name: str
    rows: tuple[int, ...]
    shown: int


def clean(
    given: Given, filters: Sequence[Filter], aside: Flags, say: Callable[[str], None] = print
) -> list[Removed]:
    """Return what each filter removes, in order; each sees what those before it left.

    given: whose collection is the whole one; aside: (n,), the images of the test part.
    Raises DataError; FilterUnavailable before the first filter, with all weights that are missing.
    """
    if missing := [text for one in filters if (text := one.missing(given))]:
        raise FilterUnavailable("\n".join(missing))
    kept = np.ones(len(given.collection), dtype=bool)
    removed = []
    for one in filters:
        rows = np.flatnonzero(kept & ~aside) if one.learns else np.flatnonzero(kept)
        flags = one.flag(replace(given, collection=given.collection.rows(rows)))
        gone = rows[flags]
        kept[gone] = False
        removed.append(Removed(one.name, tuple(int(row) for row in gone), len(rows)))
        say(f"{one.name}: {len(gone)} of {len(rows)} images")
    return removed


def kept_rows(count: int, removed: Iterable[Removed]) -> Flags:
    """Return which of `count` rows no filter removes."""
    kept = np.ones(count, dtype=bool)
    for one in removed:
        kept[list(one.rows)] = False
    return kept
