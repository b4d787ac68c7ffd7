"""`kit power`."""

from __future__ import annotations

from typing import Any

import click

from kit.cli.printing import console, json_option, print_json
from kit.errors import UsageProblem
from kit.records import RUNS
from kit.separable import not_separable
from kit.standings import history
from kit.standings.analysis import RESAMPLES, Analysis, analyse
from kit.standings.boards import Board, boards


@click.command("power")
@click.argument("first")
@click.argument("second")
@click.option(
    "--difference",
    type=click.FloatRange(min=0, min_open=True),
    default=0.02,
    show_default=True,
    help="In the column that ranks the board.",
)
@json_option
def command(first: str, second: str, difference: float, as_json: bool) -> int:
    """Say how many hidden images show that FIRST and SECOND differ.

    FIRST and SECOND are submissions with a run here on the same data; their best runs count.
    """
    board = _board_of(first, second)
    analysis = analyse(board, "--difference", difference, "--resamples", RESAMPLES)
    if len(analysis.entries) < 2:
        raise UsageProblem(
            f"{first}, {second}: the predictions of one of the two runs are gone",
            hint="run it again",
        )
    (pair,) = analysis.content["pairs"]
    if as_json:
        told = {"wanted": difference, **_told(pair), "units": analysis.content["units"]}
        print_json({"format": 1, **board.place._asdict(), **told})
    else:
        _show(board, analysis, pair, difference)
    return 0


def _board_of(first: str, second: str) -> Board:
    """Return the board with the latest run that has both, without the others."""
    wanted = {first, second}
    if len(wanted) < 2:
        raise UsageProblem(f"{first}: expected two submissions, found the same one twice")
    for board in boards(history.read(RUNS)):
        entries = tuple(entry for entry in board.entries if entry.name in wanted)
        if len(entries) == 2:
            return Board(board.place, entries)
    raise UsageProblem(
        f"{first}, {second}: expected a run of each on the same data, found none",
        hint=f"kit run {first}, kit run {second}",
    )


def _told(pair: dict[str, Any]) -> dict[str, Any]:
    """Return the pair as the better one minus the other."""
    return {
        "difference": -pair["value"],
        "low": -pair["high"],
        "high": -pair["low"],
        "separable": not not_separable(pair),
        **{name: pair[name] for name in ("error", "power", "smallest", "needed_units")},
    }


def _show(board: Board, analysis: Analysis, pair: dict[str, Any], difference: float) -> None:
    better, worse = analysis.entries
    told = _told(pair)
    units = f"{analysis.content['units']:,} {_unit(analysis)}"
    screen = console(wrap=True)
    screen.print(f"{board.place}: {units}")
    title = str(better.primary["title"])
    screen.print(
        f"{title}: {better.name} {better.primary['shown']}, {worse.name} "
        f"{worse.primary['shown']}, difference {told['difference']:+.4f}"
    )
    if told["needed_units"] is None:
        screen.print(
            "The two differ on no image that counts: no number of images tells them apart."
        )
        return
    noise = "beyond noise" if told["separable"] else "within noise"
    screen.print(f"95 % interval {told['low']:+.4f} to {told['high']:+.4f}: {noise}.")
    screen.print(
        f"Seen with a probability of {100 * pair['power']:.0f} % (two-sided, 5 %): differences of "
        f"{pair['smallest']:.4f} here; {difference:g} from {pair['needed_units']:,} "
        f"{_unit(analysis)} on."
    )


def _unit(analysis: Analysis) -> str:
    grouped = analysis.content["grouped_by"]
    return f"groups of images (by {grouped})" if grouped else "images"
