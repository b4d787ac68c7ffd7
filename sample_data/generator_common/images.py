"""Draw the contact sheet that a bundle's README shows, and save its logo."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

GAP = 4  # pixels around each tile


def contact_sheet(rows: Sequence[Sequence[bytes]], tile: tuple[int, int]) -> bytes:
    """Return a JPEG with the images of each row next to each other.

    rows: image files, the first row the longest one; tile: width and height in pixels into which
    each image is scaled down, and centred.
    """
    width, height = tile[0] + GAP, tile[1] + GAP
    size = (len(rows[0]) * width + GAP, len(rows) * height + GAP)
    sheet = Image.new("RGB", size, "white")
    for row, members in enumerate(rows):
        for column, content in enumerate(members):
            image = Image.open(io.BytesIO(content))
            image.thumbnail(tile, Image.Resampling.LANCZOS)
            left = GAP + column * width + (tile[0] - image.width) // 2
            sheet.paste(image, (left, GAP + row * height + (tile[1] - image.height) // 2))
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=84, optimize=True)
    return buffer.getvalue()


def small_png(image: Image.Image, factor: int) -> bytes:
    """Return the image scaled down by a whole factor, as a PNG of at most 128 colours."""
    buffer = io.BytesIO()
    image.reduce(factor).quantize(128).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
