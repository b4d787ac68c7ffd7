"""The CSV tables; the database's has the columns of AnimalCLEF 2025."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from .collection import DATASETS, Picture

DATABASE_COLUMNS = (
    "image_id",
    "identity",
    "path",
    "date",
    "orientation",
    "species",
    "split",
    "dataset",
)
QUERY_COLUMNS = ("filename", "dataset", "date", "orientation", "species")
REFERENCE_COLUMNS = ("filename", "identity", "dataset", "new_identity")


def _row(one: Picture) -> dict[str, str]:
    """Every column of every table."""
    return {
        "image_id": str(one.number),
        "identity": one.identity,
        "path": one.path,
        "filename": one.filename,
        "date": one.date,
        "orientation": one.orientation,
        "species": DATASETS[one.dataset].name,
        "split": "database",
        "dataset": one.dataset,
        "new_identity": "true" if one.new else "false",
    }


def table(pictures: Sequence[Picture], columns: Sequence[str]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(_row(one) for one in pictures)
    return text.getvalue().encode()
