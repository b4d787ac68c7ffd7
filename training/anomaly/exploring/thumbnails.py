"""Thumbnails of crops in one JPEG, tile by tile: smaller than a file for each."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

SIZES = (112, 96, 80, 64, 48, 32)  # pixels of a tile's side: multiples of a JPEG block of 16
QUALITY = 72
MOST_BYTES = 2_000_000  # of the JPEG; base64 makes a third more of them
LONGEST = 65_000  # pixels of a JPEG's side


@dataclass(frozen=True)
class Sheet:
    """A JPEG with a tile of `size` x `size` pixels for each crop, `columns` in a row."""

    jpeg: bytes
    size: int
    columns: int
    rows: int

    @property
    def address(self) -> str:
        """Return the JPEG as a data: address."""
        return "data:image/jpeg;base64," + base64.b64encode(self.jpeg).decode("ascii")


def sheet(crops: Sequence[Image.Image], most_bytes: int = MOST_BYTES) -> Sheet:
    """Draw the largest tiles with which the JPEG stays below `most_bytes`, or else the smallest.

    crops: at least one RGB square.
    """
    drawn = _draw(crops, SIZES[0])
    for size in SIZES[1:]:
        if len(drawn.jpeg) <= most_bytes:
            break
        drawn = _draw(crops, size)
    return drawn


def _draw(crops: Sequence[Image.Image], size: int) -> Sheet:
    columns = max(math.ceil(math.sqrt(len(crops))), math.ceil(len(crops) / (LONGEST // size)))
    rows = math.ceil(len(crops) / columns)
    canvas = Image.new("RGB", (columns * size, rows * size))
    for number, crop in enumerate(crops):
        row, column = divmod(number, columns)
        small = crop.resize((size, size), Image.Resampling.LANCZOS)
        canvas.paste(small, (column * size, row * size))
    target = io.BytesIO()
    canvas.save(target, "JPEG", quality=QUALITY, optimize=True)
    return Sheet(target.getvalue(), size, columns, rows)
