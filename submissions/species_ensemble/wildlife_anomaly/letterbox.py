"""Images of any shape on a canvas of one size, and boxes there and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_GREY = (127, 127, 127)  # around the image; 0 once the network has normalised it


@dataclass(frozen=True)
class Placement:
    """Where an image stands on a canvas: pixels of the canvas per pixel of the image, and corner.

    left, top: of the image's upper left corner on the canvas, in the canvas's pixels; negative
    where the canvas shows only a part.
    """

    scale: float
    left: int
    top: int


def whole(size: tuple[int, int], canvas: tuple[int, int]) -> Placement:
    """Place a whole image in the middle of a canvas, as large as fits; sizes (width, height)."""
    scale = min(canvas[0] / size[0], canvas[1] / size[1])
    width, height = scaled(size, scale)
    return Placement(scale, (canvas[0] - width) // 2, (canvas[1] - height) // 2)


def scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """Return (width, height) in whole pixels, at least one."""
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def draw(image: Image.Image, placement: Placement, canvas: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the canvas (height, width, 3) with an RGB image on it, grey elsewhere.

    Thread-safe. Raises ValueError for an image of another mode.
    """
    if image.mode != "RGB":
        raise ValueError(f"expected an RGB image (wildlife_image.rgb.to_rgb), found {image.mode}")
    size = scaled(image.size, placement.scale)
    small = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    whole_canvas = Image.new("RGB", canvas, _GREY)
    whole_canvas.paste(small, (placement.left, placement.top))
    return np.array(whole_canvas)
