"""Who is ahead among several runs, and which of them noise cannot tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Place:
    """One run in the order of the leaderboard: its number among the runs given, and its score."""

    run: int
    value: float | None
    low: float | None
    high: float | None


def ranked(key: str, scores: Sequence[Sequence[dict[str, Any]]], ascending: bool) -> list[Place]:
    """Return the runs by their score of `key`, the best first; those without one come last.

    scores: of each run, as the analysis gives them; ascending: the smallest score is the best.
    """
    places = []
    for run, listed in enumerate(scores):
        one = next(score for score in listed if score["key"] == key)
        places.append(Place(run, one["value"], one["low"], one["high"]))
    sign = 1 if ascending else -1
    return sorted(places, key=lambda place: (place.value is None, sign * (place.value or 0.0)))


def not_separable(pair: dict[str, Any]) -> bool:
    """Say whether the interval of a pair, at 95 % for all pairs together, holds 0."""
    return bool(pair["all_low"] <= 0 <= pair["all_high"])


def groups(places: Sequence[Place], pairs: Sequence[dict[str, Any]]) -> list[tuple[int, int]]:
    """Return first and last place of each group in which no pair is separable.

    Groups of one run and parts of other groups are left out.
    """
    close = {frozenset((pair["first"], pair["second"])) for pair in pairs if not_separable(pair)}
    found: list[tuple[int, int]] = []
    for first in range(len(places)):
        last = first
        while last + 1 < len(places) and all(
            frozenset((places[at].run, places[last + 1].run)) in close
            for at in range(first, last + 1)
        ):
            last += 1
        if last > first and not any(a <= first and last <= b for a, b in found):
            found.append((first, last))
    return found
