"""`kit init`."""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli.printing import console, json_option, print_json
from kit.team_scaffold import CI, FIRST, init


@click.command("init")
@click.argument("folder", default=".", type=click.Path(path_type=Path))
@click.option("--track", help="Make a first submission of this track, named my_entry.")
@click.option("--ci", type=click.Choice(sorted(CI)), help="Write the CI file of this service.")
@json_option
def command(folder: Path, track: str | None, ci: str | None, as_json: bool) -> int:
    """Make a team's repository in FOLDER, by default here.

    It has submissions/, scores/, requirements.txt, .gitignore and a README.md. Nothing that is
    there is overwritten.
    """
    files = init(folder, track, ci)
    if as_json:
        print_json({"format": 1, "folder": str(folder), "files": files})
        return 0
    there = "" if folder == Path() else f"`cd {folder}`, "
    first = f"`kit run {FIRST}`" if track else "`kit new NAME --track TRACK`"
    console().print("\n".join([*(str(folder / name) for name in files), f"Next: {there}{first}."]))
    return 0
