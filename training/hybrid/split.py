"""Hold out specimens, not pictures: two pictures of one animal are no independent test."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Sequence


def specimen_column(columns: Collection[str]) -> str:
    """The column that tells specimens apart; without one, each picture stands alone."""
    return next((name for name in ("specimen", "CAMID") if name in columns), "filename")


def held_out(specimens: Sequence[str], share: float, seed: int) -> set[str]:
    """Specimens for validation: about `share` of the pictures, whole specimens, never all.

    `specimens` has an entry for each picture. Of a single specimen nothing can be held out.
    """
    pictures = Counter(specimens)
    names = sorted(pictures)
    random.Random(seed).shuffle(names)
    wanted = share * len(specimens)
    chosen: set[str] = set()
    taken = 0
    for name in names[:-1]:
        if taken >= wanted:
            break
        chosen.add(name)
        taken += pictures[name]
    return chosen
