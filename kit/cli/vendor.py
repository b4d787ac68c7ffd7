"""`kit vendor`."""

from __future__ import annotations

from pathlib import Path

import click

from kit import submissions, vendor
from kit.cli.printing import console, json_option, print_json
from kit.errors import UsageProblem


@click.command("vendor")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a copy differs.")
@click.option("--force", is_flag=True, help="Overwrite copies that were edited in a submission.")
@json_option
def command(names: tuple[str, ...], check: bool, force: bool, as_json: bool) -> int:
    """Copy what each submission imports of submissions/_shared into its folder.

    Without a NAME, all submissions here. VENDORED.json in a submission lists its copies;
    `"frozen": true` in it keeps them as they are.
    """
    folders = [_folder(name) for name in names] or [found.path for found in submissions.discover()]
    return _check(folders, as_json) if check else _vendor(folders, force, as_json)


def _folder(name: str) -> Path:
    found = submissions.find(name)
    if found.is_zip:
        raise UsageProblem(f"{name}: expected a folder or the name of a submission, found a zip")
    return found.path


def _check(folders: list[Path], as_json: bool) -> int:
    found = {folder: vendor.differences(folder, vendor.shared_folder(folder)) for folder in folders}
    if as_json:
        rows = {
            folder.name: [{"path": item.path, "reason": item.reason} for item in items]
            for folder, items in found.items()
        }
        print_json({"format": 1, "differences": rows})
    else:
        for folder, items in found.items():
            for item in items:
                console().print(f"{folder.name}/{item}")
        differing = sum(map(len, found.values()))
        console().print(
            f"{differing} differences. To do: `kit vendor`"
            if differing
            else f"{len(folders)} submissions hold the shared files that they import"
        )
    return 1 if any(found.values()) else 0


def _vendor(folders: list[Path], force: bool, as_json: bool) -> int:
    results = {
        folder.name: vendor.vendor(folder, vendor.shared_folder(folder), force)
        for folder in folders
    }
    if as_json:
        print_json({"format": 1, "submissions": {n: vars(result) for n, result in results.items()}})
        return 0
    for name, result in results.items():
        state = "frozen" if result.frozen else f"{len(result.unchanged)} unchanged"
        console().print(
            f"{name}: {len(result.written)} written, {len(result.removed)} removed, {state}"
        )
    return 0
