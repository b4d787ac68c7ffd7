"""What the commands about a platform share: its address, and the texts of a submission."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from kit.cli.printing import console, table
from kit.errors import UsageProblem
from kit.remote.answers import Sent
from kit.remote.logs import Fetched
from kit.remote.secret_key import SECRET_KEY_VARIABLE, find_secret_key
from kit.remote.server import DEFAULT_SERVER
from kit.remote.watching import Outcome

RUNS = Path("runs")
server_option = click.option(
    "--server",
    default=DEFAULT_SERVER,
    envvar="CODABENCH_SERVER",
    show_default=True,
    help="Address of the platform; also from CODABENCH_SERVER.",
)
competition_option = click.option(
    "--competition", type=click.IntRange(min=1), required=True, metavar="ID",
    help="Number of the competition, as in its address.",
)  # fmt: skip
secret_key_option = click.option(
    "--secret-key", "ask_secret_key", is_flag=True,
    help="Ask for the secret key of a private competition.",
)  # fmt: skip
phase_option = click.option("--phase", help="Name or number of the phase. Default: the open one.")


def secret_key(ask: bool) -> str:
    """Return the secret key of the environment; else ask for it, if the user wants that.

    Raises:
        UsageProblem: there is no terminal to ask on.
        KitError: it cannot be one.
    """
    return find_secret_key(_asked if ask else None)


def _asked() -> str:
    if not sys.stdin.isatty():
        raise UsageProblem(
            "--secret-key: expected a terminal to ask on, found none",
            hint=f"set {SECRET_KEY_VARIABLE}",
        )
    return str(click.prompt("Secret key (it is not shown)", hide_input=True, err=True))


def scores_text(sent: Sent) -> str:
    """Return the scores of a submission in a line, as the server stores them."""
    return ", ".join(f"{key} {value.normalize():f}" for key, value in sent.scores.items())


def _status(sent: Sent) -> str:
    return sent.status + (f": {sent.details}" if sent.details else "")


def show_fetched(fetched: Fetched) -> None:
    """Print the files that were fetched, and what there is not."""
    screen = console()
    for name in fetched.files:
        screen.print(f"  {name}")
    for each in fetched.absent:
        screen.print(f"  not there: {each}")
    screen.print(f"Logs and results: {fetched.folder}")


def show_submissions(found: Sequence[Outcome]) -> None:
    """Print a table of submissions, with a line for each of several tasks."""
    rows = []
    for outcome in found:
        one = outcome.sent
        board, when = "yes" if one.on_board else "", f"{one.created:%Y-%m-%d %H:%M}"
        rows.append([str(one.id), when, _status(one), board, one.file_name, scores_text(one)])
        for each in outcome.children:
            rows.append([str(each.id), "", _status(each), "", each.task, scores_text(each)])
    titles = ["ID", "UTC", "Status", "board", "File or task", "Scores"]
    console(wrap=True).print(table(titles, rows, numbers=[0], unbroken=[0, 1]))
