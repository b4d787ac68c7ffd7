"""The competition's image: a format that the server takes, and one of which it can make an icon.

Source: codalab/codabench api/fields.py (NamedBase64ImageField) and competitions/models.py
(make_logo_icon): the icon is the image at a width of 100, saved as PNG.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path

from PIL import Image

_WIDTH = 100
_SMALLEST = 67  # bytes of a PNG with one pixel
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF")


def logo_problem(path: Path) -> tuple[str, str] | None:
    """Return the code and the words for an image that the server cannot use."""
    with path.open("rb") as stream:
        start = stream.read(12)
    if not start.startswith(_SIGNATURES) and start[8:12] != b"WEBP":
        return "logo-format", "is neither PNG, JPEG, GIF nor WebP"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of large images
        try:
            with Image.open(path) as image:
                image.load()
                return _icon_problem(image)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            size = path.stat().st_size
            if size < _SMALLEST:
                return "logo-placeholder", f"is a placeholder of {size} bytes, not an image yet"
            return "logo-format", "cannot be opened as an image"


def _icon_problem(image: Image.Image) -> tuple[str, str] | None:
    height = int(_WIDTH / image.width * image.height)
    if not height:
        return "logo-format", f"has {image.width} x {image.height} pixels: too wide for an icon"
    try:
        image.resize((_WIDTH, height)).save(io.BytesIO(), format="PNG")
    except (OSError, ValueError):
        return "logo-format", f"has the mode {image.mode}, of which the server cannot make an icon"
    return None
