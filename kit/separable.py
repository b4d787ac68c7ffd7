"""Which runs noise cannot tell apart, from the pairs that the scoring program compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def not_separable(pair: dict[str, Any]) -> bool:
    """Say whether the interval of a pair, at 95 % for all pairs together, holds 0."""
    return bool(pair["all_low"] <= 0 <= pair["all_high"])


def groups(order: Sequence[int], pairs: Sequence[dict[str, Any]]) -> list[tuple[int, int]]:
    """Return first and last place of each group in which no pair is separable.

    order: the runs' numbers, the best first. Groups of one run and parts of other groups are left
    out.
    """
    close = {frozenset((pair["first"], pair["second"])) for pair in pairs if not_separable(pair)}
    found: list[tuple[int, int]] = []
    for first in range(len(order)):
        last = first
        while last + 1 < len(order) and all(
            frozenset((order[at], order[last + 1])) in close for at in range(first, last + 1)
        ):
            last += 1
        if last > first and not any(a <= first and last <= b for a, b in found):
            found.append((first, last))
    return found
