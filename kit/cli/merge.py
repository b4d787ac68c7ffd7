"""`kit merge`."""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli.options import out_option
from kit.cli.printing import console, json_option, print_json, size
from kit.predicting.merge import merge
from kit.wording import counted


@click.command("merge")
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@out_option("The file to write. Default: predictions.parquet (or features.parquet) in the folder.")
@json_option
def command(folders: tuple[Path, ...], out: Path | None, as_json: bool) -> int:
    """Check the shards in FOLDERS of `kit predict`, and write them as one table.

    Every image has one row, sorted by name; every shard has the digests of its journal.
    """
    merged = merge(folders, out)
    if as_json:
        print_json(merged.as_json())
        return 0
    written = size(merged.path.stat().st_size)
    console().print(
        f"{merged.path}  {written}: {counted(merged.rows, 'row')} of "
        f"{counted(merged.shards, 'shard')}, {merged.errors:,} with an error"
    )
    return 0
