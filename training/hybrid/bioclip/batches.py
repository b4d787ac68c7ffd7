"""Training batches of `bioclip_wings`: images shifted as of a mimic, and synthetic crosses.

A batch is (b, 3, h, w) of 0..1, wings on white. Crosses need aligned wings: the same place of two
images has to be the same place of the wing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

# A cross is one only where the lesser parent gives at least this share of the wing.
FEWEST_SHARE = 0.15
_PATCHES = 7
_EDGE = 40.0  # how sharp patches end: larger is sharper


@dataclass(frozen=True)
class Shift:
    """Largest random shifts: hue and turn in degrees, move as a share of the image's side."""

    hue: float = 15.0
    tone: float = 0.12
    saturation: float = 0.25
    turn: float = 5.0
    scale: float = 0.06
    move: float = 0.04
    bend: float = 0.12


def uniform(count: int, reach: float, generator: torch.Generator) -> Tensor:
    """Draw (count,) from -reach to reach, on the CPU: every device draws the same."""
    return (torch.rand(count, generator=generator) * 2 - 1) * reach


def shift(images: Tensor, by: Shift, generator: torch.Generator) -> Tensor:
    """Shift colours and outlines of (b, 3, h, w) at random, image by image; around is white."""
    return _warped(_recoloured(images, by, generator), by, generator)


def _recoloured(images: Tensor, by: Shift, generator: torch.Generator) -> Tensor:
    """Hue turned about the grey axis, tone and saturation scaled; white stays white."""
    count = len(images)
    angle = uniform(count, math.radians(by.hue), generator)
    tone = 1 + uniform(count, by.tone, generator)
    saturation = 1 + uniform(count, by.saturation, generator)
    k = 1 / math.sqrt(3)
    cross = torch.tensor([[0.0, -k, k], [k, 0.0, -k], [-k, k, 0.0]])
    turn = (
        torch.eye(3)
        + angle.sin()[:, None, None] * cross
        + (1 - angle.cos())[:, None, None] * (cross @ cross)
    )
    grey = torch.full((3, 3), 1 / 3)
    matrix = saturation[:, None, None] * turn @ (torch.eye(3) - grey) + tone[:, None, None] * grey
    matrix = matrix.to(images.device)
    shifted = torch.einsum("bij,bjhw->bihw", matrix, images).clamp(0, 1)
    background = (images > 0.99).all(dim=1, keepdim=True)
    return torch.where(background, images, shifted)


def _warped(images: Tensor, by: Shift, generator: torch.Generator) -> Tensor:
    """Turned, scaled, moved, and bent (coordinates to a power), with white around."""
    count = len(images)
    angle = uniform(count, math.radians(by.turn), generator)
    across, along = 1 + uniform(count, by.scale, generator), 1 + uniform(count, by.scale, generator)
    x, y = uniform(count, 2 * by.move, generator), uniform(count, 2 * by.move, generator)
    rows = [across * angle.cos(), -angle.sin(), x, angle.sin(), along * angle.cos(), y]
    grid = affine_grid(torch.stack(rows, 1).view(-1, 2, 3), list(images.shape), False)
    power = 1 + torch.stack(
        [uniform(count, by.bend, generator), uniform(count, by.bend, generator)], 1
    )
    unit = ((grid + 1) / 2).clamp(min=1e-6)
    grid = unit ** power[:, None, None, :] * 2 - 1
    return 1 - grid_sample(1 - images, grid.to(images.device), align_corners=False)


def partners(classes: Tensor, views: Tensor, generator: torch.Generator) -> Tensor:
    """Draw for each image (b,) one of another class and the same view; itself if none exists."""
    weight = (classes[:, None] != classes[None]) & (views[:, None] == views[None])
    lonely = ~weight.any(dim=1)
    weight = weight.float() + torch.diag(lonely.float())
    return torch.multinomial(weight, 1, generator=generator)[:, 0]


def shares(count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """Draw (count, 3, h, w) shares of the first parent, for brightness and two colours.

    Genes of wing pattern act on parts of a wing, some with dominance, some blending, and some on
    one pigment only: so patches come from either parent or a mixture; one in five crosses is an
    even blend; and in one of three, colour has patches of its own.
    """
    shape = _patches(count, height, width, generator)
    colour = _patches(count, height, width, generator)
    apart = (torch.rand(count, generator=generator) < 1 / 3)[:, None, None, None]
    return torch.cat([shape, torch.where(apart, colour, shape).expand(-1, 2, -1, -1)], 1)


def _patches(count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    y = torch.linspace(0, 1, height)[:, None].expand(height, width)
    x = torch.linspace(0, 1, width)[None].expand(height, width)
    centre = torch.rand(count, _PATCHES, 2, generator=generator)
    far = (y - centre[..., 0, None, None]) ** 2 + (x - centre[..., 1, None, None]) ** 2
    kind = torch.rand(count, _PATCHES, generator=generator)
    mixed = 0.3 + 0.4 * torch.rand(count, _PATCHES, generator=generator)
    patch = torch.where(kind < 0.35, 0.0, torch.where(kind > 0.65, 1.0, mixed))
    even = torch.rand(count, generator=generator) < 0.2
    blend = 0.35 + 0.3 * torch.rand(count, 1, generator=generator)
    patch = torch.where(even[:, None], blend.expand(-1, _PATCHES), patch)
    return torch.einsum("bphw,bp->bhw", torch.softmax(-_EDGE * far, 1), patch)[:, None]


def cross(first: Tensor, second: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return crosses (b, 3, h, w) of aligned images, and the first parent's share (b,) of each."""
    share = shares(len(first), first.shape[2], first.shape[3], generator).to(first.device)
    crossed = share * _opponent(first) + (1 - share) * _opponent(second)
    wing = ((first.mean(1) < 0.99) | (second.mean(1) < 0.99)).float()
    taken = (share.mean(1) * wing).sum((1, 2)) / wing.sum((1, 2)).clamp(min=1)
    return _from_opponent(crossed).clamp(0, 1), taken


def _opponent(rgb: Tensor) -> Tensor:
    red, green, blue = rgb.unbind(1)
    return torch.stack([(red + green + blue) / 3, red - green, (red + green) / 2 - blue], 1)


def _from_opponent(planes: Tensor) -> Tensor:
    bright, red_green, yellow_blue = planes.unbind(1)
    blue = bright - yellow_blue * 2 / 3
    yellow = blue + yellow_blue
    return torch.stack([yellow + red_green / 2, yellow - red_green / 2, blue], 1)
