"""The re-identification sample as it lies in the repository, for tests."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sample_data.reid_generator import tables
from sample_data.reid_generator.collection import PlannedImage

REID = Path(__file__).parents[2] / "sample_data" / "reid"
Rows = list[dict[str, str]]


def rows(path: Path) -> Rows:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def landmark_points() -> dict[str, NDArray[np.float64]]:
    """Path within train/ to points, (10, 2)."""
    names = tables.LANDMARK_COLUMNS[1:]
    return {
        row["path"]: np.array([row[name] for name in names], dtype=float).reshape(10, 2)
        for row in rows(REID / "train" / "landmarks.csv")
    }


def path_of(one: PlannedImage) -> Path:
    if one.task == "train":
        return REID / "train" / one.path
    return REID / "input_data" / one.task / one.filename
