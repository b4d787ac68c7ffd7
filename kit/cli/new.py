"""`kit new`."""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli.printing import console, json_option, print_json
from kit.repository import SUBMISSIONS, submissions_above
from kit.scaffold import new


@click.command("new")
@click.argument("name")
@click.option("--track", required=True, help="The challenge's track, such as hybrid or anomaly.")
@click.option(
    "--with",
    "packages",
    metavar="PACKAGES",
    default="",
    help="Shared packages, or modules of them, to import and copy: a list with commas.",
)
@json_option
def command(name: str, track: str, packages: str, as_json: bool) -> int:
    """Make submissions/NAME, a submission of that track that runs at once.

    It goes into the folder submissions/ here or above. If there is none, a first one is made here.
    """
    wanted = [package.strip() for package in packages.split(",") if package.strip()]
    parent = submissions_above() or Path.cwd() / SUBMISSIONS
    folder = new(parent, name, track, wanted)
    if as_json:
        content = {"name": name, "track": track, "folder": str(folder), "packages": wanted}
        print_json({"format": 1, **content})
    else:
        console().print(f"{folder}\nNext: edit model.py, then `kit run {name}`.")
    return 0
