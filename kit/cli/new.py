"""`kit new`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from kit.bundles import opened
from kit.cli.options import bundle_option, task_option
from kit.cli.printing import console, json_option, print_json
from kit.contract import MODEL_FILE, SCRIPT_FILE
from kit.contracts.starting import new_for_bundle
from kit.errors import UsageProblem
from kit.repository import SUBMISSIONS, submissions_above
from kit.scaffold import new


@click.command("new")
@click.argument("name")
@click.option("--track", help="The challenge's track, such as hybrid or anomaly.")
@bundle_option("An organiser's bundle, instead of a track: what its own programs take is made.")
@task_option
@click.option(
    "--with",
    "packages",
    metavar="PACKAGES",
    default="",
    help="Shared packages, or modules of them, to import and copy: a list with commas.",
)
@json_option
def command(
    name: str,
    track: str | None,
    bundle_path: Path | None,
    task: str | None,
    packages: str,
    as_json: bool,
) -> int:
    """Make submissions/NAME, a submission of that track or bundle that runs at once.

    It goes into the folder submissions/ here or above. If there is none, a first one is made here.
    """
    wanted = [package.strip() for package in packages.split(",") if package.strip()]
    parent = submissions_above() or Path.cwd() / SUBMISSIONS
    folder, made = _made(parent, name, track, (bundle_path, task), wanted)
    if as_json:
        content = {"name": name, "track": made, "folder": str(folder), "packages": wanted}
        print_json({"format": 1, **content})
        return 0
    against = f" --bundle {bundle_path}" if bundle_path else ""
    code = next((one for one in (MODEL_FILE, SCRIPT_FILE) if (folder / one).is_file()), None)
    if code:
        then = f"edit {code}, then `kit run {name}{against}`"
    else:  # found by its path only, as every result submission
        then = f"fill its file, then `kit run {folder}{against}`"
    console().print(f"{folder}\nNext: {then}.")
    return 0


def _made(
    parent: Path,
    name: str,
    track: str | None,
    target: tuple[Path | None, str | None],
    packages: Sequence[str],
) -> tuple[Path, str]:
    """Make the submission; return its folder and its track, or the contract of its bundle."""
    bundle_path, task = target
    if track is not None and bundle_path is None and task is None:
        return new(parent, name, track, packages), track
    if bundle_path is None or track is not None:
        raise UsageProblem(
            "kit new: expected either --track, or --bundle with or without --task, found "
            + ("neither" if track is None and task is None else "another combination")
        )
    with opened(bundle_path) as bundle:
        return new_for_bundle(parent, name, bundle, bundle.task(task), packages)
