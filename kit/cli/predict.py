"""`kit predict`."""

from __future__ import annotations

import re
from pathlib import Path

import click

from kit import submissions
from kit.cli.options import out_option
from kit.cli.printing import console, json_option, print_json, progress, size
from kit.predicting.collection import Part
from kit.predicting.engines import ENGINES, engine_of
from kit.predicting.predict import Order, predict
from kit.predicting.summary import Summary
from kit.wording import counted

_SHARD_SIZE = 1000


def _part(ctx: click.Context, param: click.Parameter, value: str | None) -> Part:
    """Read K/N, with K from 1 to N."""
    if value is None:
        return Part()
    match = re.fullmatch(r"(\d+)/(\d+)", value)
    part = Part(int(match[1]), int(match[2])) if match else Part(0, 0)
    if not 1 <= part.number <= part.of:
        raise click.BadParameter(f"expected K/N with K from 1 to N, such as 2/16, found {value!r}")
    return part


@click.command("predict")
@click.argument("name")
@click.argument("images", type=click.Path(path_type=Path))
@out_option("The folder of the shards: new, or one that this command resumes.", required=True)
@click.option("--features", is_flag=True, help="Write the embedding that the submission offers.")
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default=ENGINES[0],
    show_default=True,
    help="local: a process here. ray: Ray Data, with an actor for each accelerator or for a "
    "group of cores.",
)
@click.option("--address", help="The Ray cluster to join. Default: start one here for this run.")
@click.option(
    "--shard-size",
    type=click.IntRange(min=1),
    default=_SHARD_SIZE,
    show_default=True,
    help="Images in a shard.",
)
@click.option(
    "--shard",
    "part",
    callback=_part,
    metavar="K/N",
    help="Do every N-th shard, from the K-th on: one task of a Slurm array. Then: kit merge.",
)
@json_option
def command(
    name: str,
    images: Path,
    out: Path,
    features: bool,
    engine: str,
    address: str | None,
    shard_size: int,
    part: Part,
    as_json: bool,
) -> int:
    """Predict IMAGES with the submission NAME, into Parquet shards in a folder.

    IMAGES is a folder, a text file with a path on each line, tar shards (WebDataset) or Parquet
    files. An image that cannot be read is a row with an error. The same command again resumes.
    """
    chosen = engine_of(engine, address)
    order = Order(submissions.find(name), images, out, features, shard_size, part)
    with progress("listing the images", quiet=as_json) as show:
        summary = predict(order, engine, chosen, show or _quiet)
    if as_json:
        print_json(summary.as_json())
    else:
        _show(summary)
    return 0 if summary.ok else 1


def _quiet(text: str) -> None:
    """Show no progress."""


def _show(summary: Summary) -> None:
    screen = console()
    rate = summary.predicted_now / summary.seconds if summary.now else 0.0
    images = f"{counted(summary.images, 'image')}, {summary.errors:,} with an error"
    shards = f"{counted(summary.now, 'shard')} now, {summary.before:,} before"
    speed = f", {rate:.1f} images/s" if summary.now else ""
    screen.print(f"{images}: {shards}{speed}")
    for filename, error in summary.examples[:5]:
        screen.print(f"  {filename}: {error}")
    for line in summary.left_out:
        screen.print(f"Left out: {line}")
    written = sum(line.bytes for line in summary.done.values())
    folder = summary.collection.folder
    screen.print(f"{folder}  {size(written)}")
    if not summary.complete:
        missing = summary.collection.shard_count - summary.total_done
        left = counted(missing, "shard")
        screen.print(f"Left for the other parts: {left}. When they are done: kit merge {folder}")
    if not summary.ok:
        what = "features" if summary.collection.features else "a prediction"
        screen.print(f"FAILED: no image has {what}")
