"""Images from files to tensors and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from training.common.atomic import replaced
from training.common.errors import ScriptError
from wildlife_image.rgb import to_rgb

PREPARED = "prepare.json"  # next to Images and Lists: how the images were made


class ImageError(ScriptError):
    """An image cannot be read."""


def read_square(path: Path, size: int) -> Image.Image:
    """Read an image of any shape and mode as RGB, size x size, bicubic. Raises ImageError."""
    try:
        with Image.open(path) as image:
            upright = to_rgb(image, 2 * size)
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageError(f"{path} cannot be read: {error}") from error
    return upright.resize((size, size), Image.Resampling.BICUBIC)


def save_whole(image: Image.Image, path: Path, quality: int = 95) -> None:
    """Save in the format of the suffix, whole or not at all; PNG has no quality."""
    kind = Image.registered_extensions()[path.suffix.lower()]
    with replaced(path) as temporary:
        image.save(temporary, kind, quality=quality)


def to_tensor(image: Image.Image) -> Tensor:
    """Convert RGB to (3, h, w) in [-1, 1]."""
    pixels: NDArray[np.float32] = np.asarray(image, dtype=np.float32)
    return torch.from_numpy(pixels / 127.5 - 1).permute(2, 0, 1)


def to_image(image: Tensor) -> Image.Image:
    """Convert (3, h, w), clipped to [-1, 1], to RGB."""
    pixels = ((image.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return Image.fromarray(pixels.permute(1, 2, 0).cpu().numpy())
