"""Read the images of a database, and digest them and their table."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from training.common.digests import short_digest
from training.common.images import read_each
from training.reid.database import Database
from wildlife_image.rgb import to_rgb
from wildlife_reid.alignment import LandmarkNetwork, animal_square


def read_images(paths: Sequence[Path]) -> list[Image.Image]:
    """Read all images, upright, as RGB. Raises DataError naming all that cannot be read."""
    return read_each(paths, to_rgb, "made")


def read_squares(
    paths: Sequence[Path], size: int, landmarks: LandmarkNetwork | None = None
) -> Tensor:
    """Read images as squares of `size` pixels: (n, 3, size, size) bytes.

    With a landmark network the animal is brought into the standard pose. Raises DataError naming
    all that cannot be read.
    """
    squares = read_each(paths, lambda image: animal_square(image, size, landmarks), "made")
    return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).contiguous()


def image_digest(database: Database) -> str:
    """sha256 over the bytes of all images, in order."""
    digests = [hashlib.sha256(path.read_bytes()).digest() for path in database.paths]
    return hashlib.sha256(b"".join(digests)).hexdigest()


def table_digest(folder: Path) -> str:
    """Digest of metadata.csv, for the manifest of what was trained on it."""
    return short_digest(folder / "metadata.csv")
