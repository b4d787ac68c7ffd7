"""The CSV tables; the database's has the columns of AnimalCLEF 2025."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np

from .collection import DATASETS, Picture
from .landmarks import ACROSS, ALONG
from .shapes import Points

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
LANDMARK_COLUMNS = ("path", *(f"{axis}{k}" for k in range(ALONG * ACROSS) for axis in "xy"))


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


def landmark_table(pictures: Sequence[Picture], landmarks: Sequence[Points]) -> bytes:
    """A row for each picture with its landmarks, (10, 2) each, in pixels with one decimal."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(LANDMARK_COLUMNS)
    for one, points in zip(pictures, landmarks, strict=True):
        rounded = np.round(points.ravel(), 1) + 0.0  # no minus before a zero
        writer.writerow([one.path, *(f"{value:.1f}" for value in rounded)])
    return text.getvalue().encode()
