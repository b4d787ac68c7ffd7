"""`kit bundle`."""

from __future__ import annotations

from pathlib import Path

import click

from kit.checks.bundle.folder import check_bundle
from kit.cli.options import out_option
from kit.cli.printing import console, json_option, print_json, size
from kit.packing.bundling import pack_bundle


@click.command("bundle")
@click.argument("folder", type=click.Path(path_type=Path))
@out_option("The zip to write. Default: dist/FOLDER_bundle.zip.")
@click.option("--force", is_flag=True, help="Pack in spite of errors that `kit check` finds.")
@json_option
def command(folder: Path, out: Path | None, force: bool, as_json: bool) -> int:
    """Make the zip of the bundle in FOLDER: what competition.yaml names, and nothing else.

    The zip is checked as `kit check` does before it is written.
    """
    target = out or Path("dist") / f"{folder.resolve().name}_bundle.zip"
    packed = pack_bundle(folder, target, check_bundle, force)
    total = target.stat().st_size
    if as_json:
        content = {"zip": str(target), "sha256": packed.sha256, "bytes": total}
        print_json(
            {"format": 1, **content, "files": list(packed.files), "forced": list(packed.forced)}
        )
    else:
        count = len(packed.files)
        console().print(f"{target}  {count} files  {size(total)}  sha256 {packed.sha256}")
        if packed.forced:
            console().print(f"Packed in spite of errors: {', '.join(packed.forced)}")
    return 0
