"""Read the images of a database, and digest them and their table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from training.common.digests import short_digest
from training.common.errors import DataError
from training.common.images import UNREADABLE
from training.reid.database import Database
from wildlife_image.rgb import to_rgb
from wildlife_reid.alignment import LandmarkNetwork, animal_square

Changed = TypeVar("Changed")


def read_images(paths: Sequence[Path]) -> list[Image.Image]:
    """Read all images, upright, as RGB. Raises DataError naming all that cannot be read."""
    return _read_each(paths, to_rgb)


def read_squares(
    paths: Sequence[Path], size: int, landmarks: LandmarkNetwork | None = None
) -> Tensor:
    """Read images as squares of `size` pixels: (n, 3, size, size) bytes.

    With a landmark network the animal is brought into the standard pose. Raises DataError naming
    all that cannot be read.
    """
    squares = _read_each(paths, lambda image: animal_square(image, size, landmarks))
    return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).contiguous()


def _read_each(paths: Sequence[Path], change: Callable[[Image.Image], Changed]) -> list[Changed]:
    changed, problems = [], []
    for path in paths:
        try:
            with Image.open(path) as image:
                changed.append(change(image))
        except UNREADABLE as error:
            problems.append(f"{path} cannot be read: {error}")
    if problems:
        raise DataError("\n  ".join(["images cannot be read, nothing was made", *problems]))
    return changed


def image_digest(database: Database) -> str:
    """sha256 over the bytes of all images, in order."""
    digests = [hashlib.sha256(path.read_bytes()).digest() for path in database.paths]
    return hashlib.sha256(b"".join(digests)).hexdigest()


def table_digest(folder: Path) -> str:
    """Digest of metadata.csv, for the manifest of what was trained on it."""
    return short_digest(folder / "metadata.csv")
