"""Any PIL image to RGB: the one function for all tracks, in training and in serving.

The choices, which every artifact of the project relies on:

- Orientation: the EXIF orientation is applied; a damaged EXIF block is ignored.
- Transparency: white stands behind transparent pixels, as in most viewers, as the paper behind a
  pinned specimen, and as in the cut-outs that training makes.
- More than 8 bits (I;16, I, F): the white level is 255, or 65535 where the largest value of the
  image is above 255; for float images 1.0 comes before them. Beyond 65535 the largest value is the
  white level. An ordinary image is never stretched to its own maximum: then one hot pixel would
  decide how bright the animal is. A float image may exceed its level by half, because resampling
  overshoots; what exceeds the level is white.
- Negative values, NaN and -inf are black, +inf is white; none of them takes part in the choice.
- CMYK, YCbCr, LAB, HSV, palettes, grey and 1-bit images: Pillow's own conversion. Colour profiles
  (ICC) are ignored, as in the published pipelines.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_ORIENTATION = 0x0112  # the EXIF tag
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_WHITE = (255, 255, 255, 255)
_INTEGER_LEVELS = (255.0, 65535.0)
_FLOAT_LEVELS = (1.0, *_INTEGER_LEVELS)
_OVERSHOOT = 1.5  # of a float image's white level


def to_rgb(image: Image.Image, at_least: int | None = None) -> Image.Image:
    """Return any PIL image as a new RGB image, upright, white behind transparent pixels.

    Args:
        image: of any mode and size, opened lazily or loaded.
        at_least: decode a JPEG that is not loaded yet at reduced scale, but with no side below that
            many pixels: enough for a network that sees fewer, and several times as fast.

    Raises OSError where the pixels are damaged or cut off. Thread-safe for different images.
    """
    if at_least is not None:
        image.draft("RGB", (at_least, at_least))
    # A TIFF is turned by Pillow itself while it is loaded, so its tag counts only afterwards.
    image.load()
    rgb = _in_colour(image)
    turn = _TURNS.get(_orientation(image))
    return rgb if turn is None else rgb.transpose(turn)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION)
    except Exception:  # Pillow raises a dozen types for a damaged block; the pixels are fine.
        return 1
    return value if isinstance(value, int) else 1


def _in_colour(image: Image.Image) -> Image.Image:
    if image.mode == "F" or image.mode.startswith("I"):
        return Image.fromarray(_eight_bits(np.asarray(image))).convert("RGB")
    if image.mode == "La":  # premultiplied grey: Pillow only knows the way to LA
        image = image.convert("LA")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, _WHITE), rgba).convert("RGB")
    return image.convert("RGB")


def _eight_bits(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """(h, w) numbers of any type -> (h, w) bytes, by the white level of the module's docstring."""
    exact = values.astype(np.float32)
    largest = float(np.max(exact, where=np.isfinite(exact), initial=0.0))
    white = _white_level(largest, is_float=np.issubdtype(values.dtype, np.floating))
    finite = np.nan_to_num(exact, nan=0.0, posinf=white, neginf=0.0)
    scaled = np.clip(finite / white, 0.0, 1.0) * 255
    return np.asarray(np.rint(scaled), dtype=np.uint8)


def _white_level(largest: float, is_float: bool) -> float:
    levels, slack = (_FLOAT_LEVELS, _OVERSHOOT) if is_float else (_INTEGER_LEVELS, 1.0)
    return next((level for level in levels if largest <= level * slack), largest)
