"""`kit leaderboard`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from kit.cli.printing import console, json_option, print_json, table
from kit.contract import TRACKS
from kit.standings import history
from kit.standings.boards import Board, Entry, Place, boards, primary_cell
from kit.standings.moves import Move, commit_in_short, moves, read_since

Moved = Mapping[tuple[str, Place], Sequence[Move]]

_RUNS = Path("runs")
# What is told of a run's record.
_TOLD = ("submission", "ok", "failure", "scores", "leaderboard", "started", "folder", "commit")


@click.command("leaderboard")
@click.option("--track", type=click.Choice(TRACKS), help="Submissions of this track only.")
@click.option("--all", "all_runs", is_flag=True, help="Every run, not the best per submission.")
@click.option(
    "--since", metavar="WHEN", help="The runs since a date or a git revision, in their order."
)
@json_option
def command(track: str | None, all_runs: bool, since: str | None, as_json: bool) -> int:
    """Rank the runs of this folder as the platform ranks submissions.

    A board holds the runs of one task on the same data: by the primary column, then by the others,
    then the earlier run. The history stays in runs/history.sqlite3 when folders are deleted.
    """
    moment = read_since(since) if since else None
    records = history.read(_RUNS)
    if moment:
        moved = moves(records, moment, track or "")
        if as_json:
            listed = [_moves_json(name, place, each) for (name, place), each in moved.items()]
            print_json({"format": 1, "moves": listed})
        else:
            _show_moves(moved)
        return 0
    found = boards(records, track=track or "", best_only=not all_runs)
    if as_json:
        print_json({"format": 1, "boards": [_board_json(board) for board in found]})
    else:
        _show_boards(found)
    return 0


def _show_boards(found: Sequence[Board]) -> None:
    screen = console()
    if not found:
        screen.print("No run has ended here yet: `kit run NAME` makes the first.")
    for board in found:
        screen.print(str(board.place))
        first = str(board.entries[0].primary["title"])
        rows = [_entry_cells(entry) for entry in board.entries]
        titles = ["", "Submission", first, "run", "commit"]
        screen.print(table(titles, rows, numbers=[0, 2], unbroken=[0, 2, 3, 4]))
        screen.print()


def _entry_cells(entry: Entry) -> list[str]:
    shown, started = str(entry.primary["shown"]), str(entry.record["started"])[:16]
    return [str(entry.rank), entry.name, shown, started, commit_in_short(entry.record)]


def _show_moves(moved: Moved) -> None:
    screen = console()
    if not moved:
        screen.print("No run since then.")
    for (name, place), found in moved.items():
        screen.print(f"{name} on {place}")
        rows = [_move_cells(move) for move in found]
        screen.print(table(["run", "commit", "score", "change"], rows, numbers=[2, 3]))
        screen.print()


def _move_cells(move: Move) -> list[str]:
    record = move.record
    good = record.get("ok") and record["leaderboard"]
    shown = str(primary_cell(record)["shown"]) if good else "failed"
    change = "" if move.change is None else f"{move.change:+.4f}"
    return [str(record["started"])[:16], commit_in_short(record), shown, change]


def _board_json(board: Board) -> dict[str, Any]:
    entries = [{"rank": entry.rank, **_run_json(entry.record)} for entry in board.entries]
    return {**board.place._asdict(), "entries": entries}


def _moves_json(name: str, place: Place, found: Sequence[Move]) -> dict[str, Any]:
    runs = [{"change": move.change, **_run_json(move.record)} for move in found]
    return {**place._asdict(), "submission": name, "runs": runs}


def _run_json(record: dict[str, Any]) -> dict[str, Any]:
    return {name: record.get(name) for name in _TOLD}
