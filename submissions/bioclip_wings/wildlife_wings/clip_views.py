"""From any image to what the tower looks at: wings found by the network, cut out, laid straight.

Two kinds of views, by `views` in config.json:

`square`: the published one: the cut-out on white, resized to `resize` x `resize` (bicubic, aspect
not kept), its middle `image_size` x `image_size` kept; one view. Published with ImageNet's mean
and std, while BioCLIP itself was trained with CLIP's own (0.4815, 0.4578, 0.4082; 0.2686, 0.2613,
0.2758), after a resize of the shorter side to 224 itself: `mean`, `std`, `resize` are settings.

`halves`: for a small tower that cannot learn to look away from light and pose: colours divided by
the background's, body axis upright, wings stretched to fill the frame, cut along the body into the
right half and the mirrored left one; two views of 72 x 48.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from wildlife_image.rgb import to_rgb
from wildlife_submission.in_threads import in_threads
from wildlife_submission.served_network import ServedNetwork
from wildlife_wings.alignment import FRAME_WIDTH, find_pose, into_frame
from wildlife_wings.cutout import on_white, wing_mask
from wildlife_wings.unet import UNet256, network_input, read_unet, small_rgb

Mask = NDArray[np.bool_]

WORKING_SIDE = 192  # halves: the longer side, in pixels, at which wings are laid straight


@dataclass(frozen=True)
class Opened:
    """An image at the size at which wings are cut out, and as bytes (3, s, s) for the network."""

    rgb: Image.Image
    small: Tensor


class WingProbability(nn.Module):
    """(n, 3, s, s) of 0..255 -> (n, s, s): how likely each pixel is a wing."""

    def __init__(self, unet: UNet256) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.unet(network_input(pixels))
        return logits[:, 0].sigmoid()


class WingViews:
    """The wing network and the settings of the views: `open` in threads, then `cut` a batch.

    The network has the batch as one tensor: image by image it takes 1.4 times as long on a CPU,
    and leaves most of an accelerator idle.
    """

    def __init__(self, network: Path, settings: Mapping[str, Any]) -> None:
        """Raises CheckpointError where the network's file is not one."""
        unet, self.size = read_unet(network)
        self.settings = settings
        self.network = ServedNetwork(WingProbability(unet))

    def __call__(self, image: Image.Image) -> Tensor:
        """Return the views (v, 3, h, w) of any PIL image, as bytes. Thread-safe."""
        return self.cut([self.open(image)])[0]

    def open(self, image: Image.Image) -> Opened:
        """Read any PIL image at the size at which wings are cut out. Thread-safe."""
        if self.settings["views"] == "square":
            rgb = to_rgb(image, 2 * int(self.settings["resize"]))
        else:
            rgb = to_rgb(image, 2 * WORKING_SIDE)
            scale = WORKING_SIDE / max(rgb.size)
            size = (max(1, round(rgb.width * scale)), max(1, round(rgb.height * scale)))
            rgb = rgb.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
        return Opened(rgb, small_rgb(rgb, self.size))

    def cut(self, opened: Sequence[Opened]) -> list[Tensor]:
        """Return the views (v, 3, h, w) of each opened image, as bytes."""
        found = self.network([one.small for one in opened]).numpy()
        return in_threads(self._cut, zip((one.rgb for one in opened), found, strict=True))

    def _cut(self, found: tuple[Image.Image, NDArray[np.float32]]) -> Tensor:
        """The views of one image, whose wings have the probabilities (s, s)."""
        rgb, probability = found
        mask = wing_mask(probability, rgb.size)
        wings = mask if mask.any() else np.ones_like(mask)  # none found: all of the image
        if self.settings["views"] == "square":
            return square(on_white(rgb, wings), self.settings)
        return halves(rgb, wings)


def square(cut: Image.Image, settings: Mapping[str, Any]) -> Tensor:
    """Return the published view of a cut-out on white: (1, 3, size, size) bytes."""
    large, size = int(settings["resize"]), int(settings["image_size"])
    start = (large - size) // 2
    resized = cut.resize((large, large), Image.Resampling.BICUBIC)
    pixels = np.array(resized.crop((start, start, start + size, start + size)))
    return torch.from_numpy(pixels).permute(2, 0, 1)[None]


def halves(rgb: Image.Image, mask: Mask) -> Tensor:
    """Return (2, 3, 72, 48) bytes: right half, mirrored left half; the background becomes white."""
    pixels = np.asarray(rgb, dtype=np.float64)
    background = background_colour(pixels, mask)
    # Dividing by the background takes out the lamp's brightness and colour.
    relative = np.clip(pixels / background, 0.0, 1.0)
    relative[~mask] = 1.0
    shade = 1.0 - relative.mean(axis=2)
    frame = into_frame(relative, mask, find_pose(mask, shade))
    whole = torch.from_numpy(np.rint(frame * 255).astype(np.uint8)).permute(2, 0, 1)
    half = FRAME_WIDTH // 2
    return torch.stack([whole[..., half:], whole[..., :half].flip(-1)])


def background_colour(pixels: NDArray[np.float64], mask: Mask) -> NDArray[np.float64]:
    """Return the median colour (3,) outside the wings, at least 1; white if they fill the image."""
    outside = pixels[~mask]
    if len(outside) < 0.01 * mask.size:
        return np.full(3, 255.0)
    return np.maximum(np.median(outside, axis=0), 1.0)


def normalised(views: Tensor, settings: Mapping[str, Any]) -> Tensor:
    """Return bytes (b, 3, h, w) as floats, less `mean`, divided by `std` of the settings."""
    mean, std = (
        torch.tensor(settings[name], device=views.device)[:, None, None] for name in ("mean", "std")
    )
    return (views.float() / 255 - mean) / std
