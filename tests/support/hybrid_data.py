"""Small training folders of the hybrid track for tests, taken from the sample data."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path

SAMPLE = Path(__file__).parents[2] / "sample_data" / "hybrid" / "train"


def read_table(folder: Path) -> list[dict[str, str]]:
    """Return the rows of FOLDER/train.csv."""
    with (folder / "train.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_table(folder: Path, rows: list[dict[str, str]]) -> None:
    """Write FOLDER/train.csv with the columns of the first row."""
    with (folder / "train.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def copy_sample(
    folder: Path, subspecies: Sequence[str], each: int, hybrids: int
) -> list[dict[str, str]]:
    """Fill a folder with `each` images of every subspecies, then some hybrids; return the rows."""
    rows = read_table(SAMPLE)
    chosen: list[dict[str, str]] = []
    for name, count in [*((name, each) for name in subspecies), ("", hybrids)]:
        chosen += [row for row in rows if row["subspecies"] == name][:count]
    (folder / "images").mkdir(parents=True)
    for row in chosen:
        shutil.copy(SAMPLE / "images" / row["filename"], folder / "images")
    write_table(folder, chosen)
    return chosen
