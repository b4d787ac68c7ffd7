"""The wing network `UNet256`: image in, one logit of "wing" for each pixel out.

Established by reading the published training script and submission (HDR butterfly challenge, team
henryliao85, 2025; also Ronneberger et al. 2015): four encoder stages `down1`..`down4`, a `bridge`,
four decoder stages of a transposed convolution `up1`..`up4` and a double convolution
`conv_up1`..`conv_up4`, a 1 x 1 convolution `out`. A double convolution is a sequence `block` of
3 x 3 convolution with bias, batch norm, ReLU, twice; 64, 128, 256, 512 and 1024 channels; 2 x 2
maximum pooling; the upsampled map stands before the skipped one; ImageNet mean and std;
input 256 x 256, aspect not kept; wing where the sigmoid is above 0.5.
Assumed: that the published file is the bare state dict that this script saves (the file itself was
not at hand). The published script shrinks images bilinearly when it trains and bicubically when
it serves; here both are bilinear.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

PUBLISHED_WIDTH = 64
PUBLISHED_SIDE = 256
THRESHOLD = 0.5
STRIDE = 16
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
_FIRST = "down1.block.0.weight"
_SHOWN = 6


class CheckpointError(Exception):
    """The file does not hold this network; the message says where they differ."""


class DoubleConv(nn.Module):
    """Twice a 3 x 3 convolution, batch norm and ReLU: (b, i, h, w) to (b, o, h, w)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.block(x)
        return result


class UNet256(nn.Module):
    """Normalised RGB (b, 3, h, w) to wing logits (b, 1, h, w); h and w are multiples of 16.

    At `width` 64 it is the published network: 136 tensors, 31,043,521 of its values are trained
    parameters. Narrower ones keep its names.
    """

    def __init__(self, width: int = PUBLISHED_WIDTH) -> None:
        super().__init__()
        self.width = width
        self.down1 = DoubleConv(3, width)
        self.down2 = DoubleConv(width, 2 * width)
        self.down3 = DoubleConv(2 * width, 4 * width)
        self.down4 = DoubleConv(4 * width, 8 * width)
        self.bridge = DoubleConv(8 * width, 16 * width)
        self.up1 = nn.ConvTranspose2d(16 * width, 8 * width, 2, stride=2)
        self.conv_up1 = DoubleConv(16 * width, 8 * width)
        self.up2 = nn.ConvTranspose2d(8 * width, 4 * width, 2, stride=2)
        self.conv_up2 = DoubleConv(8 * width, 4 * width)
        self.up3 = nn.ConvTranspose2d(4 * width, 2 * width, 2, stride=2)
        self.conv_up3 = DoubleConv(4 * width, 2 * width)
        self.up4 = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.conv_up4 = DoubleConv(2 * width, width)
        self.out = nn.Conv2d(width, 1, 1)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        skip1 = self.down1(x)
        skip2 = self.down2(self.pool(skip1))
        skip3 = self.down3(self.pool(skip2))
        skip4 = self.down4(self.pool(skip3))
        y = self.bridge(self.pool(skip4))
        y = self.conv_up1(torch.cat([self.up1(y), skip4], dim=1))
        y = self.conv_up2(torch.cat([self.up2(y), skip3], dim=1))
        y = self.conv_up3(torch.cat([self.up3(y), skip2], dim=1))
        y = self.conv_up4(torch.cat([self.up4(y), skip1], dim=1))
        logits: Tensor = self.out(y)
        return logits


def small_rgb(image: Image.Image, size: int) -> Tensor:
    """Return an upright RGB image as bytes (3, size, size), aspect not kept."""
    small = image.resize((size, size), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(small)).permute(2, 0, 1)


def network_input(pixels: Tensor) -> Tensor:
    """Return bytes (b, 3, h, w) as floats of ImageNet's mean 0 and std 1."""
    mean = torch.tensor(MEAN, device=pixels.device)[:, None, None]
    std = torch.tensor(STD, device=pixels.device)[:, None, None]
    return (pixels.float() / 255 - mean) / std


def read_unet(path: Path) -> tuple[UNet256, int]:
    """Return the network of a checkpoint, ready to serve, and the size of its input in pixels.

    Reads the published `.pth` (a state dict, names perhaps with `module.` before them) and
    `.safetensors` of `write_unet`. Raises CheckpointError.
    """
    state, size = _read_state(path)
    state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    first = state.get(_FIRST)
    width = first.shape[0] if first is not None and first.ndim == 4 else PUBLISHED_WIDTH
    with torch.device("meta"):
        network = UNet256(width)
    problems = state_problems(network.state_dict(), state)
    if problems:
        raise CheckpointError(
            "\n  ".join(
                [f"{path} is not a UNet256 of width {width}; expected its names", *problems]
            )
        )
    network.load_state_dict(state, assign=True)
    return network.float().eval(), size


def write_unet(network: UNet256, size: int, path: Path) -> None:
    """Write `.safetensors` with the size of the input, by way of a temporary file."""
    part = path.with_name(path.name + ".part")
    state = {name: tensor.contiguous().cpu() for name, tensor in network.state_dict().items()}
    save_file(state, part, metadata={"side": str(size)})
    part.replace(path)


def state_problems(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    """List what differs between two state dicts: missing and unexpected names, other shapes."""
    shapes = [
        f"{name} is {tuple(found[name].shape)}, expected {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in found and found[name].shape != tensor.shape
    ]
    differences = {
        "missing": sorted(expected.keys() - found.keys()),
        "unexpected": sorted(found.keys() - expected.keys()),
        "of another shape": shapes,
    }
    return [
        f"{len(names)} {what}: {', '.join(names[:_SHOWN])}{' ...' if len(names) > _SHOWN else ''}"
        for what, names in differences.items()
        if names
    ]


def _read_state(path: Path) -> tuple[dict[str, Tensor], int]:
    if not path.is_file():
        raise CheckpointError(f"{path} is missing: expected the network's weights there")
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                size = int((file.metadata() or {}).get("side", PUBLISHED_SIDE))
                return {name: file.get_tensor(name) for name in file.keys()}, size  # noqa: SIM118
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, KeyError) as error:
        raise CheckpointError(f"{path} cannot be read as a checkpoint: {error}") from None
    except (pickle.UnpicklingError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read as a checkpoint: {error}") from None
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise CheckpointError(f"{path} holds {type(state).__name__}, expected a dict of tensors")
    return dict(state), PUBLISHED_SIDE
