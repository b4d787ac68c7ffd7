"""From any image to the square of pixels that the backbone sees, the same in training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn.functional import pad

from wildlife_image.rgb import to_rgb
from wildlife_wings.alignment import FRAME_WIDTH, find_pose, into_frame
from wildlife_wings.find_wings import background_colour, find_wings, read_small

Pixels = NDArray[np.uint8]
CUTS = ("whole", "wings")


def square_pixels(image: Image.Image, preprocessing: Mapping[str, Any]) -> Pixels:
    """Return (size, size, 3) bytes of any PIL image, as config.json's `preprocessing` says.

    `cut` is "whole" (published) or "wings"; `image_size` is the size in pixels.
    """
    size = int(preprocessing["image_size"])
    if preprocessing["cut"] == "whole":
        return _whole(image, size)
    if preprocessing["cut"] == "wings":
        return _wing_side(image, size)
    raise ValueError(f"preprocessing cut is {preprocessing['cut']!r}, expected one of {CUTS}")


def normalised(pixels: torch.Tensor, preprocessing: Mapping[str, Any]) -> torch.Tensor:
    """Return (..., 3, h, w) of 0..255 less `mean`, divided by `std`."""
    mean = torch.tensor(preprocessing["mean"], device=pixels.device).view(3, 1, 1) * 255
    std = torch.tensor(preprocessing["std"], device=pixels.device).view(3, 1, 1) * 255
    return (pixels.float() - mean) / std


def moved(images: torch.Tensor, right: int, down: int) -> torch.Tensor:
    """Shift (n, 3, h, w) by whole pixels; the edge's pixels fill the gap."""
    reach = max(abs(right), abs(down))
    padded = pad(images, (reach,) * 4, mode="replicate")
    height, width = images.shape[-2:]
    return padded[..., reach - down :, reach - right :][..., :height, :width]


def _whole(image: Image.Image, size: int) -> Pixels:
    """The whole image squeezed into a square, as published; a JPEG is decoded at reduced size."""
    rgb = to_rgb(image, 2 * size)
    return np.array(rgb.resize((size, size), Image.Resampling.BILINEAR))


def _wing_side(image: Image.Image, size: int) -> Pixels:
    """One aligned wing side on white, colours relative to the background; body at the left edge.

    Left and right side are averaged by their cover, which repairs a torn one.
    """
    rgb = read_small(image)
    background = background_colour(rgb)
    mask = find_wings(rgb, background)
    relative = np.clip(rgb / background, 0.0, 1.0)
    pose = find_pose(mask, 1.0 - relative.mean(axis=-1))
    cover = mask.astype(np.float64)[..., None]
    framed = into_frame(np.dstack([relative * cover, cover]), mask, pose)
    both = (framed + framed[:, ::-1])[:, FRAME_WIDTH // 2 :]
    # A pixel covered on one side only is taken from that side; the rest is white paper.
    covered = np.maximum(both[..., 3:], 1.0)
    colour = (both[..., :3] + covered - both[..., 3:]) / covered
    bytes_ = np.rint(np.clip(colour, 0.0, 1.0) * 255).astype(np.uint8)
    square = Image.fromarray(bytes_).resize((size, size), Image.Resampling.BILINEAR)
    return np.array(square)
