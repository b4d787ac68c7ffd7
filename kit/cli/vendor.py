"""`kit vendor`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kit import submissions
from kit.cli.printing import console, json_option, print_json
from kit.errors import UsageProblem
from kit.vendoring.vendor import Plan, apply_plan, differences, plan_vendoring, shared_folders


@click.command("vendor")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a copy differs.")
@click.option("--force", is_flag=True, help="Overwrite copies that were edited in a submission.")
@json_option
def command(names: tuple[str, ...], check: bool, force: bool, as_json: bool) -> int:
    """Copy the shared packages that each submission NAME imports into its folder.

    The packages are in the folder _shared next to the submission; those that come with the kit
    count too. Without a NAME, all submissions here are brought up to date. VENDORED.json in a
    submission lists its copies; `"frozen": true` in it keeps them as they are.
    """
    folders = [_folder(name) for name in names] or [found.path for found in submissions.discover()]
    return _check(folders, as_json) if check else _vendor(folders, force, as_json)


def _folder(name: str) -> Path:
    found = submissions.find(name)
    if found.is_zip:
        raise UsageProblem(f"{name}: expected a folder or the name of a submission, found a zip")
    return found.path


def _check(folders: list[Path], as_json: bool) -> int:
    found = {folder: differences(folder, shared_folders(folder)) for folder in folders}
    if as_json:
        rows = {
            folder.name: [
                {"path": item.path, "kind": item.kind, "reason": item.reason} for item in items
            ]
            for folder, items in found.items()
        }
        print_json({"format": 1, "ok": not any(found.values()), "differences": rows})
        return 1 if any(found.values()) else 0
    for folder, items in found.items():
        for item in items:
            console().print(f"{folder.name}/{item}")
    if any(found.values()):
        console().print(f"{sum(map(len, found.values()))} differences. To do: `kit vendor`")
        return 1
    console().print(f"Submissions whose copies are as they should be: {len(folders)}")
    return 0


def _vendor(folders: list[Path], force: bool, as_json: bool) -> int:
    # All plans first: where one submission is refused, none is changed.
    plans = [plan_vendoring(folder, shared_folders(folder), force) for folder in folders]
    for plan in plans:
        apply_plan(plan)
    if as_json:
        rows = {plan.folder.name: _as_json(plan) for plan in plans}
        print_json({"format": 1, "submissions": rows})
        return 0
    for plan in plans:
        state = "frozen" if plan.frozen else f"{len(plan.unchanged)} unchanged"
        console().print(
            f"{plan.folder.name}: {len(plan.written)} written, {len(plan.removed)} removed, {state}"
        )
    return 0


def _as_json(plan: Plan) -> dict[str, Any]:
    return {
        "written": plan.written,
        "removed": plan.removed,
        "unchanged": plan.unchanged,
        "frozen": plan.frozen,
    }
