"""`kit bundle`."""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli.options import out_option
from kit.cli.printing import console, json_option, print_json, size
from kit.packing.bundling import pack_bundle


@click.command("bundle")
@click.argument("folder", type=click.Path(path_type=Path))
@out_option("The zip to write. Default: dist/FOLDER_bundle.zip.")
@json_option
def command(folder: Path, out: Path | None, as_json: bool) -> int:
    """Make the zip of the bundle in FOLDER: what competition.yaml names, and nothing else."""
    target = out or Path("dist") / f"{folder.resolve().name}_bundle.zip"
    sha256, files = pack_bundle(folder, target)
    count, total = len(files), target.stat().st_size
    if as_json:
        print_json(
            {"format": 1, "zip": str(target), "sha256": sha256, "bytes": total, "files": files}
        )
    else:
        console().print(f"{target}  {count} files  {size(total)}  sha256 {sha256}")
    return 0
