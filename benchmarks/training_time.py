"""How long training on 1,000 photographs takes, by submission, in one command each.

    python -m benchmarks.training_time --hybrid DIR --reid DIR [--images 1000] [--write]

DIR is training data as in training/README.md, without landmarks and masks. Smaller data is repeated
up to the number of images: each repeat is mirrored, and shows other animals by its labels. So the
images are as many and as large as real ones, and the trained submissions are of no use. Timed is
`python -m training NAME --preset imagenet`, the networks that NAME takes included. `--write` puts
each row into benchmarks/README.md; rows of other submissions stay.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageOps

from benchmarks.machine import machine
from kit.markdown import read_block, table, write_block
from training.common.tables import Row, read_table, write_table
from training.common.train_submission import PRESETTED, takes

README = Path(__file__).parent / "README.md"
TABLES = {"hybrid": "train.csv", "reid": "metadata.csv"}
NAMES = {
    "hybrid": ("bioclip_wings", "dinov2_ensemble", "wing_pattern_sgd"),
    "reid": (
        "triplet_centroids", "megadescriptor_cosine", "megadescriptor_convnext", "wildfusion",
        "open_set_ensemble",
    ),
}  # fmt: skip
ANIMAL = ("specimen", "CAMID", "identity")  # columns that say which animal an image shows
TITLES = ("submission", "images", "processors", "minutes", "minutes of the processors")


def image_column(row: Row) -> str:
    """Return the column that names the image; paths lie below images/ or below the table."""
    return "path" if "path" in row else "filename"


def repeated(rows: Sequence[Row], images: int) -> Iterator[tuple[Row, Row]]:
    """Yield (row, row of the data that it repeats) until there are as many as asked for."""
    for number in range(images):
        repeat, index = divmod(number, len(rows))
        row = dict(rows[index])
        if repeat:
            path = Path(row[image_column(row)])
            row[image_column(row)] = str(path.with_name(f"repeat{repeat}_{path.name}"))
            row |= {name: f"{row[name]}_{repeat}" for name in ANIMAL if row.get(name)}
        if "image_id" in row:
            row["image_id"] = str(number)
        yield row, rows[index]


def enlarge(track: str, data: Path, folder: Path, images: int) -> None:
    """Write training data with as many images below `folder`. Raises DataError."""
    columns, rows = read_table(data / TABLES[track], "the training data's table")
    made = list(repeated(rows, images))
    for row, source in made:
        below = "images" if image_column(row) == "filename" else ""
        target = folder / below / row[image_column(row)]
        target.parent.mkdir(parents=True, exist_ok=True)
        path = data / below / source[image_column(row)]
        if target.name == path.name:
            target.symlink_to(path.resolve())
        else:
            with Image.open(path) as image:
                ImageOps.mirror(image).save(target)
    write_table(folder / TABLES[track], columns, (row for row, _ in made))


def timed(name: str, data: Path, work: Path) -> tuple[float, float]:
    """Return the minutes of one training, by the clock and of the processors."""
    preset = ["--preset", "imagenet"] if takes(name, PRESETTED) else []
    command = [sys.executable, "-m", "training", name, "--data", str(data), "--out", str(work)]
    before, started = os.times(), time.perf_counter()
    subprocess.run([*command, *preset], check=True)
    after, minutes = os.times(), (time.perf_counter() - started) / 60
    used = after.children_user + after.children_system
    return minutes, (used - before.children_user - before.children_system) / 60


def measure(track: str, data: Path, images: int, names: Sequence[str]) -> Iterator[list[str]]:
    """Train each submission of a track that is named; yield a row each. Raises DataError."""
    with tempfile.TemporaryDirectory() as temporary:
        enlarged = Path(temporary) / "data"
        enlarge(track, data, enlarged, images)
        for name in (one for one in NAMES[track] if one in names):
            minutes = timed(name, enlarged, Path(temporary) / name)
            processors = str(len(os.sched_getaffinity(0)))
            yield [f"`{name}`", f"{images:,}", processors, *(f"{each:.1f}" for each in minutes)]


def written() -> dict[str, list[str]]:
    """Return the rows that stand in the README, by submission."""
    lines = read_block(README, "training time").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row for row in rows if row[0].startswith("`")}


def as_block(rows: Sequence[Sequence[str]]) -> str:
    """Return the table as it stands in the README."""
    told = (
        f"One training each. {machine()}. "
        "Written by `python -m benchmarks.training_time --hybrid DIR --reid DIR --write`."
    )
    return "\n".join([*table(TITLES, rows, (1, 2, 3, 4)), "", told])


def write(row: list[str]) -> None:
    """Put one row into the README, beside those of other submissions that stand there."""
    rows = written() | {row[0]: row}
    order = [f"`{name}`" for names in NAMES.values() for name in names]
    write_block(README, "training time", as_block([rows[name] for name in order if name in rows]))


def main() -> None:
    """Measure and print the table; where that is asked for, write it after each row."""
    known = [name for names in NAMES.values() for name in names]
    parser = argparse.ArgumentParser(description="Time trainings on many photographs.")
    for track in NAMES:
        parser.add_argument(f"--{track}", type=Path, metavar="DIR", help="training data")
    parser.add_argument("--of", nargs="+", choices=known, default=known, help="by default all")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--write", action="store_true", help=f"write the table into {README.name}")
    options = parser.parse_args()
    for track in NAMES:
        if data := getattr(options, track):
            for row in measure(track, data, options.images, options.of):
                print(" | ".join(row), flush=True)
                if options.write:
                    write(row)


if __name__ == "__main__":
    main()
