"""Read the re-identification track's database: a table of images of known individuals.

FOLDER/metadata.csv has the columns of AnimalCLEF 2025 (image_id, identity, path, date, orientation,
species, split, dataset); `path` is relative to FOLDER. Everything that is wrong is said at once.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from training.common.console import say
from training.common.errors import DataError
from training.common.tables import is_ragged, read_table

NEW = "new_individual"
COLUMNS = ("image_id", "identity", "path", "date", "orientation", "species", "split", "dataset")
_NEEDED = ("image_id", "identity", "path", "dataset")
_NONE = {"", "nan", "none", "null"}  # how tables write "no value"


@dataclass(frozen=True)
class Database:
    """Images of known individuals, one row each; every array is (n,).

    `date` and `orientation` are "" where the table does not say.
    """

    paths: tuple[Path, ...]
    image_id: NDArray[np.str_]
    identity: NDArray[np.str_]
    dataset: NDArray[np.str_]
    date: NDArray[np.str_]
    orientation: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.paths)


def value(row: Mapping[str, str | None], column: str) -> str:
    """The cell without blanks around it; "" for a missing one and for NaN."""
    text = (row.get(column) or "").strip()
    return "" if text.casefold() in _NONE else text


def read_metadata(table: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Columns and rows of a table. Raises DataError where it cannot be read as CSV in UTF-8."""
    return read_table(table, "metadata.csv in the data folder")


def read_database(folder: Path) -> Database:
    """The rows of FOLDER/metadata.csv with an identity; rows of split `query` are left out.

    Raises DataError with all that is wrong: missing columns or images, an image_id or image
    listed twice, an identity in two datasets, nothing left.
    """
    table = folder / "metadata.csv"
    columns, rows = read_metadata(table)
    if missing := [name for name in _NEEDED if name not in columns]:
        raise DataError(f"{table}: columns {missing} are missing; found {columns}")
    lines = [(line, row) for line, row in enumerate(rows, start=2) if _counts(row)]
    problems = [*_row_problems(lines, folder), *_table_problems(lines)]
    if problems:
        head = f"{table}: {len(problems)} problem(s), nothing was read"
        raise DataError("\n  ".join([head, *problems]))
    kept = [row for _, row in lines]
    image_id, identity, dataset, date, orientation = (
        np.array([value(row, name) for row in kept], dtype=np.str_)
        for name in ("image_id", "identity", "dataset", "date", "orientation")
    )
    paths = tuple(folder / value(row, "path") for row in kept)
    return Database(paths, image_id, identity, dataset, date, orientation)


def same_content(paths: Sequence[Path]) -> list[list[int]]:
    """Groups of row numbers whose files hold the same bytes; rows without a twin are left out.

    Only files of equal size are read.
    """
    by_size: dict[int, list[int]] = defaultdict(list)
    for row, path in enumerate(paths):
        by_size[path.stat().st_size].append(row)
    groups: dict[bytes, list[int]] = defaultdict(list)
    for rows in by_size.values():
        for row in rows if len(rows) > 1 else []:
            groups[hashlib.sha256(paths[row].read_bytes()).digest()].append(row)
    return sorted(rows for rows in groups.values() if len(rows) > 1)


def duplicate_notes(database: Database) -> list[str]:
    """Say in a line for each group of images of equal bytes who they are; no error."""
    notes = []
    for rows in same_content(database.paths):
        names = ", ".join(str(database.image_id[row]) for row in rows)
        identities = sorted({str(database.identity[row]) for row in rows})
        several = f", of different individuals: {', '.join(identities)}" * (len(identities) > 1)
        notes.append(f"image_id {names}: the same image{several}")
    return notes


def print_duplicates(database: Database, consequence: str = "") -> None:
    """Print the notes on images of equal bytes, with what follows from that."""
    for note in duplicate_notes(database):
        say(f"note: {note}" + (f"; {consequence}" if consequence else ""))


def _counts(row: Mapping[str, str | None]) -> bool:
    """Whether a row is of a known individual, or so broken that this cannot be told."""
    known = value(row, "split") != "query" and value(row, "identity") != ""
    return known or is_ragged(row)


def _row_problems(lines: list[tuple[int, dict[str, str]]], folder: Path) -> Iterable[str]:
    for line, row in lines:
        if is_ragged(row):
            yield f"line {line}: has more or fewer fields than the header"
            continue
        for column in ("image_id", "dataset"):
            if not value(row, column):
                yield f"line {line}: {column} is empty"
        if value(row, "identity") == NEW:
            yield f"line {line}: identity is {NEW!r}, which is the answer for an unknown animal"
        path = PurePosixPath(value(row, "path"))
        if path.is_absolute() or ".." in path.parts:
            yield f"line {line}: path {str(path)!r}: expected a path below {folder}"
        elif not (folder / path).is_file():
            yield f"line {line}: image {str(path)!r} is not in {folder}"


def _table_problems(lines: list[tuple[int, dict[str, str]]]) -> Iterable[str]:
    if not lines:
        yield "no rows with an identity (rows of split 'query' do not count)"
    for column in ("image_id", "path"):
        seen: dict[str, list[int]] = defaultdict(list)
        for line, row in lines:
            seen[value(row, column)].append(line)
        for name, where in seen.items():
            if name and len(where) > 1:
                yield f"{column} {name!r} is on lines {', '.join(map(str, where))}"
    datasets: dict[str, set[str]] = defaultdict(set)
    for _, row in lines:
        datasets[value(row, "identity")].add(value(row, "dataset"))
    for identity, names in sorted(datasets.items()):
        if len(names) > 1:
            yield f"identity {identity!r} is in datasets {', '.join(sorted(names))}; expected one"
