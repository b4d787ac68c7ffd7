"""From any picture to the pixels that a network is given; the same file in five submissions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

_BACKGROUND = (124, 116, 104)  # what is beside the picture, and behind what is transparent


def square(image: Image.Image, side: int) -> NDArray[np.uint8]:
    """(side, side, 3): the whole picture, upright, its shape kept, grey beside it. Thread-safe.

    A JPEG is decoded at reduced scale, to no less than twice `side`.
    """
    image.draft("RGB", (2 * side, 2 * side))
    rgb = _rgb(ImageOps.exif_transpose(image))
    scale = side / max(rgb.size)
    size = tuple(max(1, round(length * scale)) for length in rgb.size)
    small = rgb.resize((size[0], size[1]), Image.Resampling.BICUBIC)
    canvas = Image.new("RGB", (side, side), _BACKGROUND)
    canvas.paste(small, ((side - size[0]) // 2, (side - size[1]) // 2))
    return np.array(canvas)


def normalised(pixels: Tensor, settings: Mapping[str, Any]) -> Tensor:
    """(..., 3, side, side) of bytes -> floats with the settings' `mean` and `std` taken out."""
    mean = torch.tensor(settings["mean"]).view(3, 1, 1)
    std = torch.tensor(settings["std"]).view(3, 1, 1)
    return (pixels.float() / 255 - mean) / std


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, dtype=np.float64)
        top = 65535.0 if values.max(initial=0.0) > 255 else 255.0
        image = Image.fromarray(np.clip(values / top * 255, 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        behind = Image.new("RGBA", image.size, (*_BACKGROUND, 255))
        image = Image.alpha_composite(behind, image)
    return image.convert("RGB")
