"""`kit new`."""

from __future__ import annotations

import click

from kit.cli.printing import console, json_option, print_json
from kit.contract import TRACKS
from kit.scaffold import new


@click.command("new")
@click.argument("name")
@click.option("--track", type=click.Choice(TRACKS), required=True, help="The challenge's track.")
@json_option
def command(name: str, track: str, as_json: bool) -> int:
    """Make submissions/NAME, a submission of that track that runs at once."""
    folder = new(name, track)
    if as_json:
        print_json({"format": 1, "name": name, "track": track, "folder": str(folder)})
    else:
        console().print(f"{folder}\nNext: edit model.py, then `kit run {name}`.")
    return 0
