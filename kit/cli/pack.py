"""`kit pack`."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import click

from kit import bundles, submissions
from kit.checks.engine import check_statically
from kit.cli.options import bundle_option, out_option
from kit.cli.printing import console, json_option, print_json, size, table
from kit.packing.packing import pack


@click.command("pack")
@click.argument("submission")
@out_option("The zip to write. Default: dist/NAME.zip.")
@bundle_option("The competition's bundle, whose whitelist and track count. Default: the kit's.")
@click.option("--force", is_flag=True, help="Pack in spite of errors; the zip records which.")
@json_option
def command(
    submission: str, out: Path | None, bundle_path: Path | None, force: bool, as_json: bool
) -> int:
    """Make the zip of SUBMISSION (a name or a folder), ready to upload."""
    found = submissions.find(submission)
    target = out or Path("dist") / f"{found.name}.zip"
    with bundles.opened(bundle_path) if bundle_path else nullcontext() as bundle:
        report = check_statically(found, bundle)
    package = pack(found, target, report, force)
    if as_json:
        print_json(package.as_json())
        return 0
    screen = console()
    rows = [[name, f"{count:,}"] for name, count in package.files]
    screen.print(table(["File", "bytes"], rows, numbers=[1]))
    for name in package.secrets:
        screen.print(f"Left behind, looks like a secret: {name}")
    if package.left_behind:
        screen.print(f"Left behind: {', '.join(package.left_behind)}")
    if package.forced:
        screen.print(f"FORCED in spite of: {', '.join(package.forced)}")
    if package.warnings:
        screen.print(f"Warnings: {package.warnings}; `kit check {submission} --quick` shows them")
    screen.print(f"\n{package.path}  {size(package.size)}  sha256 {package.sha256}")
    return 0
