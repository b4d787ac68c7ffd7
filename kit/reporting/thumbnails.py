"""Small pictures as data: addresses, as many as the page's size allows."""

from __future__ import annotations

import base64
import io
import json
import warnings
from collections.abc import Iterable
from typing import Any

from PIL import Image, ImageOps, features

from kit.reporting.sources import Images

SIDE = 128  # pixels of the longer side
QUALITY = 68
MOST_BYTES = 1_900_000  # of all addresses of a page together
PAGE_BYTES = 2_400_000  # of these and the analysis, from which tables make half a megabyte more
_BACKGROUND = (255, 255, 255)


class Thumbnails:
    """Makes small pictures while there is room for them."""

    def __init__(self, most_bytes: int) -> None:
        self.left = most_bytes

    def of(self, images: Images, names: Iterable[str]) -> dict[str, str]:
        """Return the addresses of named images, in their order, until the room is used up.

        What is not there or no image is left out.
        """
        found: dict[str, str] = {}
        for name in names:
            if self.left <= 0:
                break
            if name in found or (content := images.read(name)) is None:
                continue
            if address := thumbnail(content):
                found[name] = address
                self.left -= len(address)
        return found


def room_beside(content: Any) -> int:
    """Return how many bytes a page has for thumbnails next to what the analysis found."""
    taken = len(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))
    return max(0, min(MOST_BYTES, PAGE_BYTES - taken))


def thumbnail(content: bytes) -> str | None:
    """Return an image as a small data: address; None where it cannot be opened."""
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(content)) as image:
            warnings.simplefilter("ignore")  # a large picture is no fault here
            image.draft("RGB", (2 * SIDE, 2 * SIDE))  # a JPEG is decoded small
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
            return _address(_opaque(upright))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _opaque(image: Image.Image) -> Image.Image:
    """Return an image as RGB, white behind what is transparent."""
    if "transparency" not in image.info and "A" not in image.getbands():
        return image.convert("RGB")
    layer = image.convert("RGBA")
    below = Image.new("RGBA", layer.size, (*_BACKGROUND, 255))
    return Image.alpha_composite(below, layer).convert("RGB")


def _address(image: Image.Image) -> str:
    kind = "WEBP" if features.check("webp") else "JPEG"
    target = io.BytesIO()
    image.save(target, kind, quality=QUALITY)
    text = base64.b64encode(target.getvalue()).decode("ascii")
    return f"data:image/{kind.lower()};base64,{text}"
