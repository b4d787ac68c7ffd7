"""The candidates of single images, from a candidates.csv that was found good."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wildlife_scoring.tables import rows_of

SHOWN = 5  # of each list


def candidate_lists(path: Path, names: Sequence[str]) -> list[list[tuple[str, float]]]:
    """Return label and score of the first candidates of each named image, best first."""
    lists: dict[str, list[tuple[str, float]]] = {name: [] for name in names}
    rows = rows_of(path)
    next(rows)  # the header
    for _, (name, _, label, score) in rows:
        if name in lists and len(lists[name]) < SHOWN:
            lists[name].append((label, float(score)))
    return [lists[name] for name in names]
