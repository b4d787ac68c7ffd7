"""From the frame of a camera and a box to the square that an encoder sees: one way for all.

Training cuts the boxes of the annotations with these functions, a submission those of its detector.
The species' statistics are then of crops like the ones that they judge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wildlife_image.reduced import served_image

GREY = (124, 116, 104)  # stands outside the frame: the mean colour of ImageNet
LONGEST = 640  # pixels of a frame's longer side that are enough for detector and crops
NIGHT_CHROMA = 6.0  # mean difference of a pixel's largest and smallest channel, of 255
_SEEN_FOR_CHROMA = 64  # pixels of the longer side of the thumbnail that tells night from day

Pixels = NDArray[np.uint8]
BoxOfPixels = tuple[float, float, float, float]  # left, top, width, height


def served_frame(image: Image.Image) -> Image.Image:
    """Return a frame upright, as RGB, with at most 2 * LONGEST - 1 pixels on its longer side.

    Boxes that were measured on the whole image are brought to it by `rescaled`. Raises OSError
    where the pixels are damaged. Thread-safe.
    """
    return served_image(image, LONGEST)


def rescaled(box: BoxOfPixels, measured: tuple[int, int], seen: tuple[int, int]) -> BoxOfPixels:
    """Return a box of an image of `measured` (width, height) in one of `seen` (width, height)."""
    across, down = seen[0] / measured[0], seen[1] / measured[1]
    left, top, width, height = box
    return left * across, top * down, width * across, height * down


def crop_square(frame: Image.Image, box: BoxOfPixels, size: int, margin: float) -> Pixels:
    """Cut a box with a margin into a square: (size, size, 3) bytes. Thread-safe.

    The square has the box's centre; what lies outside the frame is grey.

    Args:
        frame: RGB.
        box: left, top, width, height in the frame's pixels; a part of it lies inside the frame.
        size: of the square that is returned, in pixels.
        margin: on each side, as a share of the box's longer side.

    Raises ValueError where nothing of the box lies inside the frame, or it has no area.
    """
    _check_inside(box, frame.size)
    left, top, width, height = box
    side = max(width, height) * (1 + 2 * margin)
    scale = size / side
    columns = _Span.of(left + width / 2 - side / 2, side, frame.width, scale)
    rows = _Span.of(top + height / 2 - side / 2, side, frame.height, scale)
    window = (columns.first, rows.first, columns.last, rows.last)
    seen = frame.resize((columns.pixels, rows.pixels), Image.Resampling.BILINEAR, box=window)
    square = Image.new("RGB", (size, size), GREY)
    square.paste(seen, (columns.offset, rows.offset))
    return np.array(square)


@dataclass(frozen=True)
class _Span:
    """What a square takes of a frame along one axis, and where it puts it."""

    first: float  # in the frame's pixels
    last: float
    offset: int  # in the square's pixels
    pixels: int

    @classmethod
    def of(cls, begin: float, side: float, length: int, scale: float) -> _Span:
        first, last = max(begin, 0.0), min(begin + side, float(length))
        return cls(
            first, last, round((first - begin) * scale), max(1, round((last - first) * scale))
        )


def _check_inside(box: BoxOfPixels, size: tuple[int, int]) -> None:
    left, top, width, height = box
    starts_inside = left < size[0] and top < size[1]
    if not (width > 0 and height > 0 and starts_inside and left + width > 0 and top + height > 0):
        raise ValueError(
            "expected a box (left, top, width, height) with a part inside a frame of "
            f"{size[0]} x {size[1]} pixels, found {box}"
        )


def box_window(box: BoxOfPixels, size: int, margin: float, width: float) -> Pixels:
    """Return (size, size) bytes: how much each pixel of `crop_square` belongs to the box.

    A Gaussian around the centre, its standard deviations `width` of the box's two sides: what a
    box holds in its corners is background, and a long animal fills a small part of a square.
    """
    side = max(box[2], box[3]) * (1 + 2 * margin)
    places = ((np.arange(size) + 0.5) / size - 0.5) * side
    across, down = (np.exp(-0.5 * (places / (width * length)) ** 2) for length in box[2:])
    return np.asarray(np.rint(255 * np.outer(down, across)), dtype=np.uint8)


def is_night(frame: Image.Image) -> bool:
    """Return whether an RGB frame has next to no colour, as under infra-red light."""
    small = frame.copy()
    small.thumbnail((_SEEN_FOR_CHROMA, _SEEN_FOR_CHROMA))
    pixels = np.asarray(small, dtype=np.float32)
    return float((pixels.max(axis=2) - pixels.min(axis=2)).mean()) < NIGHT_CHROMA


def in_grey(pixels: Pixels) -> Pixels:
    """Return crops (..., 3) with the same brightness in all three channels.

    So a night's tint does not count, and crops of the day can stand for those of the night.
    """
    weights = np.array([0.299, 0.587, 0.114], dtype=np.float32)
    grey = np.rint(pixels.astype(np.float32) @ weights).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)
