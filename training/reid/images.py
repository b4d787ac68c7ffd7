"""Read the images of a database, and digest them and their table."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from training.common.digests import short_digest
from training.common.images import read_each
from training.reid.database import Database
from wildlife_reid.alignment import LandmarkNetwork, animal_square
from wildlife_reid.served_image import longest_side, served_image


class ServedImages:
    """Images by path, each read when it is asked for, as the submission sees it; none is held.

    longest: pixels of the longer side that large images are read with (`served_image`). What is
    computed from an image depends on it, so keys of caches name it.
    """

    def __init__(self, paths: Sequence[Path], *sizes: int) -> None:
        """Read all images once; sizes: of the networks and features that will see them.

        Raises DataError naming all that cannot be read.
        """
        self.paths, self.longest = tuple(paths), longest_side(*sizes)
        read_each(paths, self._check, "made")

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[Image.Image]:
        return (self[path] for path in self.paths)

    def __getitem__(self, path: Path) -> Image.Image:
        with Image.open(path) as image:
            return served_image(image, self.longest)

    def _check(self, image: Image.Image) -> None:
        served_image(image, self.longest)


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
