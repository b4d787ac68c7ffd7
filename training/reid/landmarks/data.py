"""Read images with landmarks: landmarks.csv next to metadata.csv, as in sample_data/reid/train.

Columns `path`, then x0, y0, ..., x9, y9 in pixels from the centre of the top left one: ten points,
five along one edge of the animal, head first, and five along the other. They may lie outside the
frame. A bad table raises DataError with all its problems at once.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d

from training.common.errors import DataError
from training.reid.embedding.batches import read_squares
from wildlife_reid.alignment import ACROSS, ALONG, SIZE

TABLE = "landmarks.csv"
POINTS = ACROSS * ALONG
COLUMNS = ("path", *(f"{axis}{point}" for point in range(POINTS) for axis in "xy"))


@dataclass(frozen=True)
class Marked:
    """Squares and their landmarks.

    images (n, 3, SIZE, SIZE) bytes, as the network gets them in serving; points (n, 10, 2) with -1
    and 1 at the edges of the square.
    """

    images: Tensor
    points: Tensor

    def __len__(self) -> int:
        return len(self.images)


def read_table(folder: Path) -> list[tuple[Path, list[float]]]:
    """Path and 20 coordinates, in pixels, of each row. Raises DataError."""
    path = folder / TABLE
    if not path.is_file():
        raise DataError(f"{path} is missing: expected the landmarks of the images of {folder}")
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if missing := [name for name in COLUMNS if name not in (reader.fieldnames or [])]:
            raise DataError(f"{path}: expected the columns {', '.join(COLUMNS)}, lacks {missing}")
        rows, problems = [], []
        for number, row in enumerate(reader, start=2):
            try:
                values = [float(row[name]) for name in COLUMNS[1:]]
            except (TypeError, ValueError):
                values = [math.nan]
            if not all(map(math.isfinite, values)):
                problems.append(f"line {number}: expected {2 * POINTS} numbers")
            rows.append((folder / str(row["path"]), values))
    if problems or not rows:
        raise DataError("\n  ".join([f"{path}:", *(problems or ["no row"])]))
    return rows


def read_marked(folder: Path) -> Marked:
    """Read every image of the table as a square, with its landmarks. Raises DataError."""
    rows = read_table(folder)
    finer = read_squares([path for path, _ in rows], 2 * SIZE)  # as in serving
    images = torch.cat([avg_pool2d(part.float(), 2) for part in torch.split(finer, 256)])
    points = []
    for path, values in rows:
        with Image.open(path) as image:
            size = np.array(image.size, dtype=np.float64)
        # The longer side fills the square, the shorter one is in its middle.
        points.append((2 * (np.reshape(values, (POINTS, 2)) + 0.5) - size) / size.max())
    return Marked(images.round().to(torch.uint8), torch.tensor(np.stack(points)).float())
