"""From any image to the square of pixels that a network is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from wildlife_image.rgb import to_rgb

_BACKGROUND = (124, 116, 104)  # the grey that fills the rest of the square


def square(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """Return the whole image as (size, size, 3): upright, shape kept, the rest grey. Thread-safe.

    Args:
        image: any PIL image; a JPEG is decoded at reduced scale, to no less than twice `size`.
        size: of the square, in pixels.
    """
    rgb = to_rgb(image, 2 * size)
    scale = size / max(rgb.size)
    width, height = (max(1, round(length * scale)) for length in rgb.size)
    small = rgb.resize((width, height), Image.Resampling.BICUBIC)
    canvas = Image.new("RGB", (size, size), _BACKGROUND)
    canvas.paste(small, ((size - width) // 2, (size - height) // 2))
    return np.array(canvas)


def normalised(pixels: Tensor, settings: Mapping[str, Any]) -> Tensor:
    """Return bytes (..., 3, size, size) as floats, less the settings' `mean`, divided by `std`."""
    mean = torch.tensor(settings["mean"], device=pixels.device).view(3, 1, 1)
    std = torch.tensor(settings["std"], device=pixels.device).view(3, 1, 1)
    return (pixels.float() / 255 - mean) / std
