"""Read the images of a database, and digest them and their table."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from training.common.digests import short_digest
from training.common.errors import DataError
from training.common.images import UNREADABLE
from training.reid.database import Database
from wildlife_image.rgb import to_rgb


def read_images(paths: Sequence[Path]) -> list[Image.Image]:
    """Read all images, upright, as RGB. Raises DataError naming all that cannot be read."""
    images, problems = [], []
    for path in paths:
        try:
            with Image.open(path) as image:
                images.append(to_rgb(image))
        except UNREADABLE as error:
            problems.append(f"{path.name} cannot be read: {error}")
    if problems:
        raise DataError("\n  ".join(["images cannot be read, nothing was made", *problems]))
    return images


def image_digest(database: Database) -> str:
    """sha256 over the bytes of all images, in order."""
    digests = [hashlib.sha256(path.read_bytes()).digest() for path in database.paths]
    return hashlib.sha256(b"".join(digests)).hexdigest()


def table_digest(folder: Path) -> str:
    """Digest of metadata.csv, for the manifest of what was trained on it."""
    return short_digest(folder / "metadata.csv")
