"""The squares of an image that a network sees, the same in training and in serving."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from wildlife_image.rgb import to_rgb
from wildlife_image.square import square

DECODED = 1024  # pixels: one value, so that two networks see the same decoded image
WHOLE = 0.0  # as a share: the whole image, the rest of the square grey


def views(image: Image.Image, settings: Mapping[str, Any]) -> Tensor:
    """Return the views (v, 3, size, size), as bytes, that settings name. Thread-safe.

    image: any PIL image; of a JPEG that is not loaded yet, no side is decoded to fewer pixels than
    DECODED, whatever the settings are. settings: `image_size`; `shares`, a view for each: the share
    of the shorter side, above 0, that a square in the middle takes, or WHOLE for the whole image on
    a grey square; `mirrored`: whether the mirror images of all views follow.

    Raises OSError where the pixels are damaged.
    """
    size, shares = int(settings["image_size"]), [float(share) for share in settings["shares"]]
    # From its pixels alone: the tag of an image that was turned already would turn it again.
    upright = Image.fromarray(np.asarray(to_rgb(image, at_least=DECODED)))
    seen = [_view(upright, size, share) for share in shares]
    squares = torch.from_numpy(np.stack(seen)).permute(0, 3, 1, 2)
    both = [squares, squares.flip(3)] if settings["mirrored"] else [squares]
    return torch.cat(both).contiguous()


def images_of(seen: Tensor) -> Tensor:
    """Return the views of n images, (n, v, 3, s, s) or (n, 3 v, s, s), as (n x v, 3, s, s).

    A served network is given four dimensions: convolutions on a CPU want the channels last.
    """
    images = seen.reshape(-1, 3, *seen.shape[-2:])
    return images.contiguous(memory_format=torch.channels_last)


def _view(upright: Image.Image, size: int, share: float) -> NDArray[np.uint8]:
    """One square (size, size, 3) of an RGB image."""
    if share == WHOLE:
        return square(upright, size)
    side = share * min(upright.size)
    left, top = (upright.width - side) / 2, (upright.height - side) / 2
    box = (left, top, left + side, top + side)
    return np.array(upright.resize((size, size), Image.Resampling.BICUBIC, box=box))
