"""`kit leaderboard`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kit.cli.printing import console, json_option, print_json, table
from kit.contract import TRACKS
from kit.errors import UsageProblem
from kit.files import replacing
from kit.leaderboard_page import page
from kit.local_boards import Line, LocalBoard, local_boards, moves
from kit.ranking import cells_of

if TYPE_CHECKING:
    from rich.table import Table


@click.command("leaderboard")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--track", type=click.Choice(TRACKS), help="Only this track.")
@click.option("--all", "every", is_flag=True, help="Every run. Default: the best of a submission.")
@click.option("--since", metavar="DATE", help="How submissions moved, run by run, since that day.")
@click.option("--quick", is_flag=True, help="No intervals and groups, which take seconds a run.")
@click.option("--html", type=click.Path(path_type=Path), help="Write the boards as a page too.")
@json_option
def command(
    names: tuple[str, ...],
    track: str | None,
    every: bool,
    since: str | None,
    quick: bool,
    html: Path | None,
    as_json: bool,
) -> int:
    """Rank all runs in runs/ as the platform does: a board for each task.

    Runs of one group cannot be told from its first by the images. With a NAME, only those
    submissions.
    """
    if since:
        return _show_moves(names, track, _day(since), as_json)
    found = local_boards(Path("runs"), names, track, best_only=not every, resampled=not quick)
    if html:
        with replacing(html, "the page of the boards") as temporary:
            temporary.write_text(page(found), encoding="utf-8")
    if as_json:
        print_json({"format": 1, "boards": [board.as_json() for board in found], "moves": []})
        return 0
    screen = console(wrap=True)
    for board in found:
        screen.print(f"{board.title}\n")
        screen.print(_table(board))
        if board.left_out:
            screen.print(f"{board.left_out} runs on other reference data are left out")
        screen.print()
    if not found:
        screen.print("no run with scores in runs/; `kit run NAME` makes one")
    if html:
        screen.print(f"Page: {html}")
    return 0


def _day(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageProblem(f"--since {text}: expected a date such as 2027-03-01") from error
    return text


def _table(board: LocalBoard) -> Table:
    titles = [
        "",
        "group",
        "submission",
        *board.columns,
        "95 % interval",
        "started",
        "commit",
        "run",
    ]
    rows = [[str(rank), *_cells(line)] for rank, line in enumerate(board.lines, start=1)]
    return table(titles, rows, numbers=(0, *range(3, 3 + len(board.columns))))


def _cells(line: Line) -> list[str]:
    entry = line.entry
    return [
        "" if line.group is None else str(line.group),
        str(entry.record.get("submission")),
        *(str(cell.get("shown")) for cell in cells_of(entry)),
        line.interval,
        entry.started[:16],
        entry.commit,
        entry.run_id,
    ]


def _show_moves(names: tuple[str, ...], track: str | None, since: str, as_json: bool) -> int:
    found = moves(Path("runs"), names, track, since)
    if as_json:
        rows: list[dict[str, Any]] = [vars(one) for one in found]
        print_json({"format": 1, "boards": [], "moves": rows})
        return 0
    rows_ = [
        [one.submission, one.task, one.started[:16], one.commit, one.column, one.shown, one.moved]
        for one in found
    ]
    titles = ["submission", "task", "started", "commit", "column", "score", "moved"]
    console(wrap=True).print(table(titles, rows_, numbers=(5, 6)))
    return 0
