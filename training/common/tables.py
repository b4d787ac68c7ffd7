"""Read and write the CSV tables that lie next to images."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from training.common.atomic import replaced
from training.common.errors import DataError

Row = dict[str, str]


def read_table(table: Path, expected: str) -> tuple[list[str], list[Row]]:
    """Return columns and rows of a CSV table in UTF-8; line 2 of the file is the first row.

    expected: what should be there, for the message where the file is missing.

    Raises DataError where the table is missing or cannot be read.
    """
    if not table.is_file():
        raise DataError(f"{table} is missing: expected {expected}")
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            return list(reader.fieldnames or []), list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table}: expected a CSV table in UTF-8: {error}") from error


def is_ragged(row: Mapping[str, object]) -> bool:
    """Whether a row has more or fewer fields than the header."""
    return None in row or None in row.values()


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """Write a CSV table with these columns in one step; leave out the rows' other columns."""
    with replaced(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
