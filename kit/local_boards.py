"""The local leaderboard: ranked runs with intervals and groups, and how submissions moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit import bundles
from kit.bundle_track import track_of_bundle
from kit.bundles import Bundle, Task
from kit.contract import PREDICTIONS_FILE
from kit.errors import KitError
from kit.history import Entry, entries
from kit.ranking import Board, boards, cells_of, groups
from kit.regression.significance import own_intervals, significance
from kit.regression.verdicts import BEYOND_NOISE, metrics_of


@dataclass(frozen=True)
class Line:
    """One run of a board: its group, and the interval of the column that ranks, as text."""

    entry: Entry
    group: int | None
    interval: str


@dataclass(frozen=True)
class LocalBoard:
    """A ranked board; columns: their titles, the one that ranks first."""

    title: str
    columns: list[str]
    lines: list[Line]
    left_out: int

    def as_json(self) -> dict[str, Any]:
        """Return it as `kit leaderboard --json` gives it."""
        return {
            "title": self.title,
            "columns": self.columns,
            "left_out": self.left_out,
            "runs": [
                {
                    "rank": rank,
                    "group": line.group,
                    "submission": line.entry.record.get("submission"),
                    "scores": line.entry.record.get("scores"),
                    "interval": line.interval,
                    "started": line.entry.started,
                    "commit": line.entry.commit,
                    "run": line.entry.run_id,
                }
                for rank, line in enumerate(self.lines, start=1)
            ],
        }


@dataclass(frozen=True)
class Move:
    """One run of a submission, and by how much its ranking score moved since the run before."""

    submission: str
    task: str
    started: str
    commit: str
    run: str
    column: str
    shown: str
    moved: str


def local_boards(
    runs: Path, names: Sequence[str], track: str | None, *, best_only: bool, resampled: bool
) -> list[LocalBoard]:
    """Return a board for each task that was run.

    Args:
        runs: the folder of the runs and their history.
        names: of submissions; none for all.
        track: only this one; None for all.
        best_only: keep the best run of each submission.
        resampled: compute intervals and groups.

    Raises:
        KitError: the history cannot be used.
    """
    found = _chosen(entries(runs), names, track)
    return [_local(board, runs, resampled) for board in boards(found, best_only)]


def _chosen(found: Sequence[Entry], names: Sequence[str], track: str | None) -> list[Entry]:
    chosen = [one for one in found if not names or one.record.get("submission") in names]
    if track is None:
        return chosen
    return [one for one in chosen if _track(one) == track]


def _track(entry: Entry) -> str | None:
    bundle = _bundle(entry)
    return track_of_bundle(bundle) if bundle else None


def _bundle(entry: Entry) -> Bundle | None:
    """Return the bundle of a run, None where it is gone, changed into nonsense, or a zip."""
    path = Path(str(entry.record.get("bundle_path")))
    try:
        return bundles.read(path) if path.is_dir() else None
    except KitError:
        return None


def _local(board: Board, runs: Path, resampled: bool) -> LocalBoard:
    judge = _Judge(runs, board) if resampled else None
    found = groups(board, judge.separable) if judge else [None] * len(board.entries)
    lines = [
        Line(entry, group, judge.interval(entry) if judge else "")
        for entry, group in zip(board.entries, found, strict=True)
    ]
    columns = [str(cell.get("title")) for cell in cells_of(board.entries[0])]
    return LocalBoard(f"{board.bundle}, {board.task}", columns, lines, board.left_out)


class _Judge:
    """Asks the scoring program's bootstrap about the runs of a board."""

    def __init__(self, runs: Path, board: Board) -> None:
        self._runs = runs
        self._bundle = _bundle(board.entries[0])
        self._task: Task | None = None
        if self._bundle and track_of_bundle(self._bundle):
            tasks = [task for task in self._bundle.tasks if task.name == board.task]
            self._task = tasks[0] if tasks and tasks[0].reference_data else None

    def separable(self, first: Entry, second: Entry) -> bool | None:
        """Say whether the first is better beyond the noise of the images; None: unknown."""
        texts = [self._predictions(one) for one in (first, second)]
        if self._task is None or self._bundle is None or None in texts:
            return None
        try:
            found = significance(self._task, str(texts[0]), str(texts[1]))
        except KitError:
            return None
        scores = [dict(one.record.get("scores") or {}) for one in (first, second)]
        metrics = metrics_of(self._bundle, scores[0], scores[1], found)
        return bool(metrics) and metrics[0].falls(BEYOND_NOISE)

    def interval(self, entry: Entry) -> str:
        """Return the 95 % interval of the column that ranks; "" where it is unknown."""
        text, cells = self._predictions(entry), cells_of(entry)
        if self._task is None or text is None or not cells:
            return ""
        try:
            low, high = own_intervals(self._task, text)[str(cells[0].get("key"))]
        except (KitError, KeyError):
            return ""
        return "" if low is None or high is None else f"{low:.4f} to {high:.4f}"

    def _predictions(self, entry: Entry) -> str | None:
        path = self._runs / entry.run_id / PREDICTIONS_FILE
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None


def moves(runs: Path, names: Sequence[str], track: str | None, since: str) -> list[Move]:
    """Return the runs since a day, by submission, task and time, each with how far it moved.

    Raises:
        KitError: the history cannot be used.
    """
    last: dict[tuple[str, str, str], float] = {}
    found = []
    for entry in _chosen(entries(runs), names, track):
        record, cells = entry.record, cells_of(entry)
        task = str((record.get("task") or {}).get("name"))
        if not cells or not isinstance(cells[0].get("value"), int | float):
            continue
        key = (str(record.get("submission")), str(record.get("bundle")), task)
        value = float(cells[0]["value"])
        moved = f"{value - last[key]:+.4f}" if key in last else ""
        last[key] = value
        if entry.started >= since:
            column, shown = str(cells[0].get("title")), str(cells[0].get("shown"))
            found.append(
                Move(key[0], task, entry.started, entry.commit, entry.run_id, column, shown, moved)
            )
    return sorted(found, key=lambda one: (one.submission, one.task, one.started))
