"""Read the hybrid track's training table and images; say all that is wrong at once."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.common.errors import DataError
from training.common.images import Read, read_each

HYBRID = {"hybrid": True, "1": True, "non-hybrid": False, "0": False}
_NEEDED = ("filename", "hybrid_stat", "subspecies")
_FEWEST = 2  # images of a subspecies: its spread cannot be told from one


@dataclass(frozen=True)
class TrainingTable:
    """Rows of train.csv, (n,) each. `subspecies` is "" for hybrids; a specimen may recur.

    `view` (upper or under side) is "" where the table has no such column.
    """

    paths: tuple[Path, ...]
    hybrid: NDArray[np.bool_]
    subspecies: NDArray[np.str_]
    specimen: NDArray[np.str_]
    view: NDArray[np.str_]


def read_rows(folder: Path) -> tuple[Path, list[str], list[dict[str, str]]]:
    """Read FOLDER/train.csv: its path, columns and rows. Raises DataError if it is missing."""
    table = folder / "train.csv"
    if not table.is_file():
        raise DataError(f"{table} is missing: expected train.csv and images/ in the data folder")
    with table.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        return table, list(reader.fieldnames or []), list(reader)


def read_training_table(folder: Path) -> TrainingTable:
    """Read the table FOLDER/train.csv with images in FOLDER/images.

    Columns: filename, hybrid_stat (hybrid/non-hybrid or 1/0), subspecies; the specimen column tells
    which images show the same animal, where it is missing CAMID does, else each stands alone;
    where there is a view column, images are compared within a view.
    Raises DataError with all that is wrong.
    """
    table, columns, rows = read_rows(folder)
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise DataError(f"{table}: columns {missing} are missing; found {columns}")
    problems = [*_row_problems(rows, folder / "images"), *_class_problems(rows)]
    if problems:
        raise DataError(_listed(table, problems))
    specimen = next((c for c in ("specimen", "CAMID") if c in columns), "filename")
    hybrid = np.array([HYBRID[r["hybrid_stat"].strip()] for r in rows])
    return TrainingTable(
        tuple(folder / "images" / r["filename"] for r in rows),
        hybrid,
        np.array(
            [
                "" if h else r["subspecies"].strip()
                for r, h in zip(rows, hybrid.tolist(), strict=True)
            ]
        ),
        np.array([r[specimen] for r in rows]),
        np.array([(r.get("view") or "").strip() for r in rows]),
    )


def _row_problems(rows: list[dict[str, str]], images: Path) -> Iterable[str]:
    if not rows:
        yield "no rows"
    for line, row in enumerate(rows, start=2):
        name, stat = row["filename"] or "", (row["hybrid_stat"] or "").strip()
        if stat not in HYBRID:
            yield f"line {line}: hybrid_stat is {stat!r}, expected hybrid or non-hybrid"
        elif not HYBRID[stat] and not (row["subspecies"] or "").strip():
            yield f"line {line}: a non-hybrid without subspecies ({name})"
        if not name or not (images / name).is_file():
            yield f"line {line}: image {name!r} is not in {images}"
    for name, count in Counter(row["filename"] for row in rows).items():
        if count > 1:
            yield f"image {name!r} is listed {count} times"


def _class_problems(rows: list[dict[str, str]]) -> Iterable[str]:
    pure = [r for r in rows if not HYBRID.get((r["hybrid_stat"] or "").strip(), True)]
    counts = Counter((r["subspecies"] or "").strip() for r in pure)
    counts.pop("", None)
    if rows and len(counts) < 3:
        yield f"{len(counts)} subspecies of non-hybrids ({sorted(counts)}); at least 3 are needed"
    for name, count in sorted(counts.items()):
        if count < _FEWEST:
            yield f"subspecies {name!r} has {count} image; give it another or remove its row"
    views = Counter(view for _, view in {(r["subspecies"], r.get("view") or "") for r in pure})
    if len(counts) >= 3 and max(views.values()) < 2:
        yield f"no two subspecies share a view (views: {sorted(views)}), so nothing can be compared"


def read_images(paths: Sequence[Path], read_one: Callable[[Image.Image], Read]) -> list[Read]:
    """Return `read_one(image)` of every image. Raises DataError naming all unreadable images."""
    return read_each(paths, read_one, "trained")


def _listed(where: Path, problems: list[str]) -> str:
    return "\n  ".join([f"{where}: {len(problems)} problem(s), nothing was trained", *problems])
