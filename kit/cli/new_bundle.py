"""`kit new-bundle`."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import click

from kit.bundle_scaffold import new_bundle
from kit.cli.printing import console, json_option, print_json


@click.command("new-bundle")
@click.argument("folder", metavar="NAME", type=click.Path(path_type=Path))
@click.option(
    "--contract",
    help="A published challenge, such as animalclef-csv, whose metric you want at home.",
)
@json_option
def command(folder: Path, contract: str | None, as_json: bool) -> int:
    """Make the folder NAME, a small competition with a metric of its own that runs at once."""
    files = new_bundle(folder, datetime.now(timezone.utc).date(), contract)
    if as_json:
        print_json({"format": 1, "folder": str(folder), "files": files})
        return 0
    then = f"kit run {folder}/starting_kit" if contract is None else "kit new NAME"
    console().print(
        f"{folder}  {len(files)} files\n"
        f"Next: `{then} --bundle {folder}`, then edit it; its README.md says where."
    )
    return 0
