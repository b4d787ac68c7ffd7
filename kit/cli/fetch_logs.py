"""`kit fetch-logs`."""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli.options import out_option
from kit.cli.printing import json_option, print_json, progress
from kit.cli.remote import RUNS, server_option, show_fetched
from kit.remote.connection import connected
from kit.remote.journal import FOLDER
from kit.remote.logs import fetch_logs


@click.command("fetch-logs")
@click.argument("submission_id", type=click.IntRange(min=1))
@out_option("The folder for the files. Default: runs/submissions/ID.")
@server_option
@json_option
def command(submission_id: int, out: Path | None, server: str, as_json: bool) -> int:
    """Fetch the logs and results of submission SUBMISSION_ID on the platform.

    An earlier fetch is replaced once all files are here. Your token comes from CODABENCH_TOKEN or
    the system's keyring.
    """
    folder = out or RUNS / FOLDER / str(submission_id)
    with connected(server) as platform, progress("fetching", quiet=as_json):
        fetched = fetch_logs(platform, submission_id, folder)
    if as_json:
        print_json({"format": 1, "id": submission_id, **fetched.as_json()})
    else:
        show_fetched(fetched)
    return 0
