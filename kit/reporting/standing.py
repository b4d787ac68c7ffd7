"""Who is ahead among several runs."""

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
