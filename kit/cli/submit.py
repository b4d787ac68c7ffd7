"""`kit submit`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kit import submissions
from kit.cli.options import bundle_option
from kit.cli.printing import console, json_option, print_json, progress, say, size, table
from kit.cli.remote import (
    RUNS,
    competition_option,
    phase_option,
    secret_key,
    secret_key_option,
    server_option,
    show_fetched,
)
from kit.remote.watching import status_line

if TYPE_CHECKING:
    from decimal import Decimal

    from kit.remote.reconcile import Comparison
    from kit.remote.watching import Outcome
    from kit.remote.workflow import Result, Tell


@click.command("submit")
@click.argument("submission")
@competition_option
@phase_option
@click.option(
    "--task", "tasks", multiple=True,
    help="Name, key or number of a task; may be repeated. Default: all of the phase.",
)  # fmt: skip
@click.option(
    "--watch", is_flag=True, help="Wait for the scores and compare them with the local ones."
)
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(min=0), default=7200.0, show_default=True,
    metavar="SECONDS", help="How long --watch waits; it cancels nothing.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would happen, and upload nothing.")
@click.option(
    "--force", is_flag=True,
    help="Submit although a check or the last run failed, or the same zip was submitted before.",
)  # fmt: skip
@click.option("--quick", is_flag=True, help="Leave out the checks that run the model.")
@bundle_option("The competition's bundle, for the checks. Default: sample_data/TRACK.")
@click.option(
    "--images", type=click.IntRange(min=1), metavar="N",
    help="Number of hidden images, for the forecast. Default: those of the bundle's task.",
)  # fmt: skip
@click.option(
    "--fact-sheet", "fact_sheet_path", type=click.Path(path_type=Path), metavar="FILE",
    help="File with the answers to the organiser's questions.",
)  # fmt: skip
@secret_key_option
@server_option
@json_option
def command(
    submission: str,
    competition: int,
    phase: str | None,
    tasks: tuple[str, ...],
    as_json: bool,
    server: str,
    **options: Any,
) -> int:
    """Upload SUBMISSION (a name, a folder or a zip) to a competition on the platform.

    It is checked first, and nothing is uploaded twice: the same command resumes what was
    interrupted. Your token comes from CODABENCH_TOKEN or the system's keyring; the secret key of a
    private competition from CODABENCH_SECRET_KEY, or --secret-key asks for it. Exits with 0 if it
    was submitted, with --watch if it finished with every score.
    """
    from kit.remote import preflight
    from kit.remote.connection import connected
    from kit.remote.fact_sheet import read_answers
    from kit.remote.local import Checks
    from kit.remote.workflow import Wishes, Workflow

    found = submissions.find(submission)
    checks = Checks(options["bundle_path"], options["images"], options["quick"])
    wait_s = options["timeout_s"] if options["watch"] else None
    answers = read_answers(path) if (path := options["fact_sheet_path"]) else None
    wishes = Wishes(checks, options["force"], options["dry_run"], wait_s, answers)
    key = secret_key(options["ask_secret_key"])
    with connected(server, key) as platform, _telling(as_json) as (tell, on_status):
        place = preflight.find_place(platform, competition, phase, tasks)
        workflow = Workflow(
            platform, place, RUNS, Path("dist"), tell,
            lambda count: tell(f"sent {size(count)}"), on_status,
        )  # fmt: skip
        result = workflow.run(found, wishes)
    if as_json:
        print_json(result.as_json())
    else:
        _show(result)
    return 0 if result.ok else 1


@contextmanager
def _telling(quiet: bool) -> Iterator[tuple[Tell, Tell]]:
    """Show what is being done, on a terminal; a log gets a line for each change of the status."""
    with progress("asking the platform", quiet) as show:
        if show:
            yield show, show
        else:
            yield _nothing, _nothing if quiet else _to_log


def _nothing(what: str) -> None:
    """Show nothing."""


def _to_log(line: str) -> None:
    say(f"{datetime.now():%H:%M:%S}  {line}", err=True)


def _show(result: Result) -> None:
    screen, order, place = console(), result.order, result.place
    screen.print(f"{order.name} to {place.competition.title}, {place.phase.name}")
    screen.print(f"{order.path}  {size(order.size)}  sha256 {order.sha256}")
    for note in result.notes:
        screen.print(f"Note: {note}")
    for problem in result.problems:
        forced = "" if result.number is None else "FORCED in spite of: "
        screen.print(f"{forced or 'Problem: '}{problem}")
    if result.number is None:
        screen.print(f"Dry run: {'nothing' if result.problems else 'all'} would be submitted")
        return
    screen.print(f"Submission {result.number} on {order.server}")
    if result.outcome is None:
        screen.print(
            "Its scores: the same command with --watch waits for them, `kit submissions "
            f"--competition {place.competition.id}` lists them"
        )
    else:
        _show_outcome(result, result.outcome)


def _show_outcome(result: Result, outcome: Outcome) -> None:
    screen = console()
    screen.print(f"Status: {status_line(outcome)}")
    if not outcome.in_time:
        screen.print("It has not ended yet, and was left as it is; the same command waits again.")
    if outcome.in_time and outcome.missing:
        screen.print(f"Without a score: {', '.join(outcome.missing)}")
    for comparison in result.comparisons:
        _show_comparison(comparison)
    if result.logs:
        show_fetched(result.logs)


def _show_comparison(comparison: Comparison) -> None:
    screen, part = console(), comparison.part
    screen.print(f"\n{part.task or part.id}: next to {comparison.run or 'no local run'}")
    rows = [
        [cell.key, _digits(cell.platform), _digits(cell.local), _digits(cell.difference)]
        for cell in comparison.cells
    ]
    if rows:
        screen.print(table(["Column", "platform", "local", "difference"], rows, numbers=[1, 2, 3]))
    if comparison.equal:
        screen.print("Equal in every digit.")
    for cause in comparison.causes:
        screen.print(f"Likely cause: {cause}")


def _digits(value: Decimal | None) -> str:
    return "" if value is None else f"{value:.10f}"
