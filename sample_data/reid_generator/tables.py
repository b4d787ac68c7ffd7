"""The CSV tables; the database's has the columns of AnimalCLEF 2025."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np

from sample_data.generator_common.shapes import Points
from sample_data.generator_common.tables import table

from .collection import DATASETS, PlannedImage
from .landmarks import ACROSS, ALONG

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


def _row(one: PlannedImage) -> dict[str, str]:
    """Return every column of every table."""
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


def image_table(images: Sequence[PlannedImage], columns: Sequence[str]) -> bytes:
    """Return a table with a row for each image, with these of the columns of `_row`."""
    return table(columns, map(_row, images))


def landmark_table(images: Sequence[PlannedImage], landmarks: Sequence[Points]) -> bytes:
    """Return a row for each image: its landmarks, (10, 2), in pixels with one decimal."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(LANDMARK_COLUMNS)
    for one, points in zip(images, landmarks, strict=True):
        rounded = np.round(points.ravel(), 1) + 0.0  # no minus before a zero
        writer.writerow([one.path, *(f"{value:.1f}" for value in rounded)])
    return text.getvalue().encode()
