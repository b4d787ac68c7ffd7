"""`kit weights`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from kit import submissions
from kit.cli.printing import console, json_option, print_json, progress, size, table
from kit.packing import weights
from kit.packing.listing import list_files
from kit.packing.manifest import UNKNOWN
from kit.packing.weights import OnBytes, Weight
from kit.submissions import Submission


@click.group("weights")
def command() -> None:
    """Show, fetch or list the files of a submission's weights.json.

    Each command takes --json.
    """


@command.command("show")
@click.argument("submission")
@json_option
def show(submission: str, as_json: bool) -> int:
    """List SUBMISSION's files: licence, size, state."""
    found = submissions.find(submission)
    _print(found, weights.show(found), as_json)
    return 0


@command.command("fetch")
@click.argument("submission")
@json_option
def fetch(submission: str, as_json: bool) -> int:
    """Download the files that SUBMISSION lacks.

    Exits with 0 if every file is present and matches its digest. Run it again to resume an
    interrupted download.
    """
    found = submissions.find(submission)
    with _progress(quiet=as_json) as on_bytes:
        files = weights.fetch(found, on_bytes)
    _print(found, files, as_json)
    return 0 if all(file.good for file in files) else 1


@command.command("add")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--licence", help="SPDX identifier, such as MIT. Default: as before, or unknown.")
@click.option("--source", help="Command or address that made them. Default: as before, or unknown.")
@json_option
def add(files: tuple[Path, ...], licence: str | None, source: str | None, as_json: bool) -> int:
    """List FILES in the weights.json of the submission that they are in.

    Writes path, size and sha256, in a new entry or in the one that is there; a folder stands for
    its files. Other entries stay as they are.
    """
    listed = list_files(files, licence, source)
    if as_json:
        print_json(listed.as_json())
        return 0
    screen = console()
    state = {entry["path"]: "updated" for entry in listed.updated}
    rows = [
        [e["path"], size(e["bytes"]), state.get(e["path"], "added"), e["licence"], e["source"]]
        for e in listed.entries
    ]
    screen.print(table(["File", "size", "entry", "licence", "source"], rows, numbers=[1]))
    if any(UNKNOWN in (entry["licence"], entry["source"]) for entry in listed.entries):
        screen.print("Name what is unknown with --licence and --source.")
    return 0


def _print(submission: Submission, files: Sequence[Weight], as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "format": 1,
                "submission": submission.name,
                "folder": str(submission.path),
                "ok": all(file.good for file in files),
                "files": [file.as_json() for file in files],
            }
        )
        return
    screen = console()
    if not files:
        screen.print(f"{submission.name}: weights.json lists no files")
        return
    rows = [[file.path, size(file.bytes), file.state, _licence(file)] for file in files]
    screen.print(table(["File", "size", "state", "licence"], rows, numbers=[1]))
    for file in files:
        if file.problem:
            screen.print(f"{file.path}: {file.problem}")


def _licence(file: Weight) -> str:
    return f"{file.licence} (NON-COMMERCIAL)" if file.noncommercial else file.licence


@contextmanager
def _progress(quiet: bool) -> Iterator[OnBytes]:
    """Show the file that is being fetched, and how much of it is here."""
    with progress("looking", quiet) as show:
        if show is None:
            yield lambda path, count: None
        else:
            yield lambda path, count: show(f"{path}  {size(count)}")
