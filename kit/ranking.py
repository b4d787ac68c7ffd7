"""Rank runs as the platform's leaderboard does, and find which ranks the images cannot tell apart.

By the column that ranks, then the other columns in their order, then the earlier run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kit.history import Entry

_Separable = Callable[[Entry, Entry], bool | None]


@dataclass(frozen=True)
class Board:
    """The runs of one task, the best first.

    left_out: how many runs were made with other reference data than the newest one, so that their
    scores do not compare.
    """

    bundle: str
    task: str
    entries: tuple[Entry, ...]
    left_out: int


def boards(found: Sequence[Entry], best_only: bool) -> list[Board]:
    """Return a board for each task of each bundle, ranked.

    Args:
        found: runs with scores.
        best_only: keep the best run of each submission.
    """
    by_task: dict[tuple[str, str], list[Entry]] = {}
    for entry in sorted(found, key=lambda one: (one.started, one.run_id)):
        task = entry.record.get("task") or {}
        by_task.setdefault((str(entry.record.get("bundle")), str(task.get("name"))), []).append(
            entry
        )
    return [_board(*task, runs, best_only) for task, runs in sorted(by_task.items())]


def _board(bundle: str, task: str, found: list[Entry], best_only: bool) -> Board:
    comparable = [one for one in found if _reference(one) == _reference(found[-1])]
    ranked = sorted(comparable, key=_rank)
    if best_only:
        first: dict[str, Entry] = {}
        for one in ranked:
            first.setdefault(str(one.record.get("submission")), one)
        ranked = [*first.values()]
    return Board(bundle, task, tuple(ranked), len(found) - len(comparable))


def _reference(entry: Entry) -> Any:
    return (entry.record.get("digests") or {}).get("reference_data")


def _rank(entry: Entry) -> tuple[list[float], str, str]:
    values = [_loss(cell) for cell in cells_of(entry)]
    return values, entry.started, entry.run_id


def cells_of(entry: Entry) -> list[dict[str, Any]]:
    """Return the cells of the leaderboard as run.json has them, the one that ranks first."""
    cells = [cell for cell in entry.record.get("leaderboard") or () if isinstance(cell, dict)]
    return sorted(cells, key=lambda cell: not cell.get("ranks", False))


def _loss(cell: dict[str, Any]) -> float:
    value = cell.get("value")
    if not isinstance(value, int | float):
        return math.inf  # n/a is the last
    return float(value) if cell.get("sorting") == "asc" else -float(value)


def groups(board: Board, separable: _Separable) -> list[int | None]:
    """Return the group of each entry, from 1; entries of a group cannot be told from its first.

    separable: whether the first of two entries is better than the second beyond the noise of the
    images; None where nobody knows, and so for that entry's group.
    """
    found: list[int | None] = []
    leader, group = None, 0
    for entry in board.entries:
        apart = True if leader is None else separable(leader, entry)
        if apart is None:
            found.append(None)
            continue
        if apart:
            leader, group = entry, group + 1
        found.append(group)
    return found
