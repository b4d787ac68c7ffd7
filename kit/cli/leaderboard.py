"""`kit leaderboard`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from kit.cli.options import out_option
from kit.cli.printing import console, json_option, print_json, table
from kit.contract import TRACKS
from kit.errors import KitError
from kit.records import RUNS
from kit.standings import history
from kit.standings.analysis import RESAMPLES, Analysis, analyse
from kit.standings.boards import Board, Entry, Place, boards, primary_cell
from kit.standings.moves import Move, commit_in_short, moves, read_since
from kit.standings.page import Judged, write_page
from kit.standings.remote_scores import remote_scores, shown

Remote = Sequence[dict[str, Any]]
Moved = Mapping[tuple[str, Place], Sequence[Move]]

_SHAKE_UP = ("leads public", "private")
# What is told of a run's record.
_TOLD = ("submission", "ok", "failure", "scores", "leaderboard", "started", "folder", "commit")


@click.command("leaderboard")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--track", type=click.Choice(TRACKS), help="Submissions of this track only.")
@click.option("--all", "all_runs", is_flag=True, help="Every run, not the best per submission.")
@click.option(
    "--since", metavar="WHEN", help="The runs since a date or a git revision, in their order."
)
@click.option("--quick", is_flag=True, help="Leave out intervals and groups.")
@click.option(
    "--shake-up",
    is_flag=True,
    help="How often each one leads a random public part of the images, and the rest.",
)
@out_option("Write the boards into this HTML file too.", "--html")
@json_option
def command(
    names: tuple[str, ...],
    track: str | None,
    all_runs: bool,
    since: str | None,
    quick: bool,
    shake_up: bool,
    html: Path | None,
    as_json: bool,
) -> int:
    """Rank the runs of this folder, or those of each NAME, as the platform ranks submissions.

    A board holds the runs of one task on the same data: by the primary column, then by the others,
    then the earlier run. Noise may explain the order of runs that share a letter. The history
    stays in runs/history.sqlite3 when folders are deleted. The column "platform" shows the score
    of the very same zip there, as `kit submit --watch` and `kit submissions` have seen it.
    """
    moment = read_since(since) if since else None
    records = [one for one in history.read(RUNS) if not names or one["submission"] in names]
    if moment:
        moved = moves(records, moment, track or "")
        if as_json:
            listed = [_moves_json(name, place, each) for (name, place), each in moved.items()]
            print_json({"format": 1, "moves": listed})
        else:
            _show_moves(moved)
        return 0
    found = boards(records, track=track or "", best_only=not all_runs)
    analyses = [None if quick else _analysis(board) for board in found]
    judged = list(zip(found, analyses, strict=True))
    remote = history.read_platform(RUNS)
    if html:
        write_page(judged, remote, html)
    if as_json:
        print_json({"format": 1, "boards": [_board_json(*item, remote) for item in judged]})
    else:
        _show_boards(judged, shake_up, remote)
        if html:
            console().print(f"Page: {html}")
    return 0


def _analysis(board: Board) -> Analysis | str:
    """Return the analysis of a board, or why there is none."""
    try:
        return analyse(board, "--resamples", RESAMPLES)
    except KitError as error:
        return error.message


def _show_boards(judged: Sequence[tuple[Board, Judged]], shake_up: bool, remote: Remote) -> None:
    screen = console()
    if not judged:
        screen.print("No run has ended here yet: `kit run NAME` makes the first.")
    for board, analysis in judged:
        screen.print(f"{board.place}, by {board.entries[0].primary['title']}")
        titles = ["", "Submission", "score"]
        rows = [[str(one.rank), one.name, str(one.primary["shown"])] for one in board.entries]
        there = [shown(remote_scores(one, remote)) for one in board.entries]
        if any(there):
            titles.append("platform")
            rows = [[*row, cell] for row, cell in zip(rows, there, strict=True)]
        if isinstance(analysis, Analysis):
            titles += ["95 % interval", "", *(_SHAKE_UP if shake_up else ())]
            for row, entry in zip(rows, board.entries, strict=True):
                row += _judged_cells(analysis, entry, shake_up)
        for row, entry in zip(rows, board.entries, strict=True):
            row.append(str(entry.record["started"])[:10])
        titles.append("run")
        unbroken = [at for at in range(len(titles)) if at != 1]
        screen.print(table(titles, rows, numbers=[0, 2], unbroken=unbroken))
        if isinstance(analysis, str):
            screen.print(f"No intervals: {analysis}")
        screen.print()


def _judged_cells(analysis: Analysis, entry: Entry, shake_up: bool) -> list[str]:
    low, high = analysis.interval(entry)
    interval = "" if low is None or high is None else f"{low:.4f} to {high:.4f}"
    cells = [interval, analysis.letters(entry)]
    if shake_up:
        shares = [analysis.shake_up(entry).get(f"first_{part}") for part in ("public", "private")]
        cells += ["" if share is None else f"{100 * share:.0f} %" for share in shares]
    return cells


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


def _board_json(board: Board, analysis: Judged, remote: Remote) -> dict[str, Any]:
    entries = []
    for entry in board.entries:
        told: dict[str, Any] = {"rank": entry.rank, **_run_json(entry.record)}
        told["platform"] = [one.as_json() for one in remote_scores(entry, remote)]
        if isinstance(analysis, Analysis):
            told["interval"] = analysis.interval(entry)
            told["groups"] = analysis.letters(entry)
            told["shake_up"] = analysis.shake_up(entry) or None
        entries.append(told)
    why = analysis if isinstance(analysis, str) else None
    return {**board.place._asdict(), "entries": entries, "no_intervals": why}


def _moves_json(name: str, place: Place, found: Sequence[Move]) -> dict[str, Any]:
    runs = [{"change": move.change, **_run_json(move.record)} for move in found]
    return {**place._asdict(), "submission": name, "runs": runs}


def _run_json(record: dict[str, Any]) -> dict[str, Any]:
    return {name: record.get(name) for name in _TOLD}
