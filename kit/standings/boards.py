"""Rank runs as the platform's leaderboard does: a board for each task and its data.

Source: codalab/codabench leaderboards/models.py at c7dbc756: the primary column, then the other
visible columns by index, each by its own sorting, then the earlier submission. The server compares
stored values of 10 decimals; equal values on the screen may differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

DATA = ("input_data", "reference_data")  # digests that a board's runs share


class Place(NamedTuple):
    """What the runs of a board share; track: "" where none is known; data: digests in short."""

    track: str
    bundle: str
    task: str
    data: str

    def __str__(self) -> str:
        track = f" ({self.track})" if self.track else ""
        return f"{self.bundle}, {self.task}{track}, data {self.data}"


@dataclass(frozen=True)
class Entry:
    """One run on a board.

    rank: 1 for the best; record: its run.json; folders: of this run and of later ones of the very
    same submission, which predict the same.
    """

    rank: int
    record: dict[str, Any]
    folders: tuple[str, ...]

    @property
    def name(self) -> str:
        return str(self.record["submission"])

    @property
    def primary(self) -> dict[str, Any]:
        """The cell of the column that ranks the board."""
        return primary_cell(self.record)


@dataclass(frozen=True)
class Board:
    """The runs of one task on the same data, the best first."""

    place: Place
    entries: tuple[Entry, ...]


def boards(
    records: Sequence[dict[str, Any]], *, track: str = "", best_only: bool = True
) -> list[Board]:
    """Return the boards of the runs that ended well, the one with the latest run first.

    records: the earliest first. track: of these submissions only. best_only: the best run of each
    submission, as a platform with the rule Force_Best shows it.
    """
    groups: dict[Place, list[dict[str, Any]]] = {}
    for record in records:
        if record.get("ok") and record["leaderboard"] and track in ("", record.get("track")):
            groups.setdefault(place_of(record), []).append(record)
    latest = sorted(groups, key=lambda key: groups[key][-1]["started"], reverse=True)
    return [Board(key, _ranked(groups[key], best_only)) for key in latest]


def place_of(record: dict[str, Any]) -> Place:
    """Return the board that a run belongs to."""
    digests = record.get("digests") or {}
    data = "-".join(str(digests.get(name, ""))[:8] for name in DATA)
    track, task = str(record.get("track") or ""), str(record["task"]["name"])
    return Place(track, str(record["bundle"]), task, data)


def primary_cell(record: dict[str, Any]) -> dict[str, Any]:
    """Return the cell of the column that ranks, the first one in records without a mark."""
    cells: list[dict[str, Any]] = record["leaderboard"]
    return next((cell for cell in cells if cell.get("primary")), cells[0])


def order(record: dict[str, Any]) -> tuple[object, ...]:
    """Return what sorts runs as the platform does: smaller comes first."""
    first = primary_cell(record)
    others = [cell for cell in record["leaderboard"] if cell is not first]
    visible = [cell for cell in others if not cell.get("hidden")]
    return (*(_sortable(cell) for cell in (first, *visible)), str(record["started"]))


def _sortable(cell: dict[str, Any]) -> tuple[bool, float]:
    value = cell.get("value")
    if value is None:
        return True, 0.0  # after all others
    return False, round(float(value), 10) * (1 if cell.get("sorting") == "asc" else -1)


def _ranked(records: Sequence[dict[str, Any]], best_only: bool) -> tuple[Entry, ...]:
    folders: dict[object, list[str]] = {}
    for record in records:
        folders.setdefault(_content(record), []).append(str(record["folder"]))
    kept: list[dict[str, Any]] = []
    for record in sorted(records, key=order):
        if not best_only or record["submission"] not in {one["submission"] for one in kept}:
            kept.append(record)
    return tuple(
        Entry(rank, record, (str(record["folder"]), *folders[_content(record)]))
        for rank, record in enumerate(kept, 1)
    )


def _content(record: dict[str, Any]) -> object:
    """Return what runs of the very same submission share."""
    digest = (record.get("digests") or {}).get("submission")
    return (record["submission"], digest) if digest else record["folder"]
