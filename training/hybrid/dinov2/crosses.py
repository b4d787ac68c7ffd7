"""Batches of aligned wings for `dinov2_ensemble`: pure, crossed, as of a mimic; all in PyTorch.

Images are one wing side each, (n, 3, s, s) in 0..1. A cross takes each of a few random patches
from one parent, the other, or a mixture of them. Just as many mixtures are made of two animals of
the SAME subspecies: they are no hybrids, so that seams of patches tell nothing, and the few
images of a rare subspecies cannot be known by heart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

from training.hybrid.crosses import Groups

LEAST_SHARE = 0.2  # of the lesser parent, else the image is no clear cross
_CELLS = 16
_BLEND_WHOLE = 0.2  # of crosses are an even blend and not patches


@dataclass(frozen=True)
class Mixing:
    """Contents of a batch as shares, and the largest shifts of its images."""

    crosses: float = 0.5  # of the images
    known_hybrids: float = 0.06
    mixed_pure: float = 0.6  # of the non-hybrids: two animals of one subspecies
    fewest_patches: int = 3
    most_patches: int = 8
    hue: float = 14.0  # degrees either way
    strong_hue: float = 45.0
    strong_share: float = 0.25  # of the images have their hue shifted strongly
    tone: float = 0.1
    saturation: float = 0.2
    bend: float = 0.13  # of the outline
    shift: float = 0.04  # of the image's side


@dataclass(frozen=True)
class Wings:
    """Images (n, 3, s, s) in 0..1 of non-hybrids with their groups, and of hybrids (h, 3, s, s).

    `pairs` (2, p) are the groups of which crosses are made.
    """

    pure: Tensor
    groups: Groups
    hybrids: Tensor
    pairs: NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """`classes` (b, k): shares of the parents, a row of zeros where they are unknown."""

    images: Tensor
    classes: Tensor
    hybrid: Tensor


def patch_shares(count: int, size: int, mixing: Mixing, rng: np.random.Generator) -> Tensor:
    """Draw the first parent's share (count, size, size); its seams lie on a coarse grid."""
    most, cells = mixing.most_patches, min(size, _CELLS)
    y, x = ((np.mgrid[:cells, :cells] + 0.5) / cells).astype(np.float32)
    centre = rng.uniform(0, 1, (count, 2, most)).astype(np.float32)
    used = np.arange(most) < rng.integers(mixing.fewest_patches, most + 1, count)[:, None]
    far = (y[..., None] - centre[:, 0, None, None]) ** 2
    far = far + (x[..., None] - centre[:, 1, None, None]) ** 2
    patch = np.where(used[:, None, None], far, 9.0).argmin(axis=-1)
    kind, blend = rng.random((2, count, most))
    shares = np.where(kind < 0.35, 0.0, np.where(kind > 0.65, 1.0, 0.3 + 0.4 * blend))
    shares[rng.random(count) < _BLEND_WHOLE] = rng.uniform(0.35, 0.65)
    coarse = torch.from_numpy(shares[np.arange(count)[:, None, None], patch]).float()
    return interpolate(coarse[:, None], (size, size), mode="nearest")[:, 0]


def _parents(wings: Wings, wanted: int, same: bool, rng: np.random.Generator) -> NDArray[np.int64]:
    """(2, wanted) rows of images; groups by the root of their size, pairs in equal numbers."""
    member = wings.groups.member
    counts = np.bincount(member, minlength=len(wings.groups.names))
    if same:
        weights = np.sqrt(counts)
        first = rng.choice(len(counts), wanted, p=weights / weights.sum())
        pairs = np.stack([first, first])
    else:
        pairs = wings.pairs[:, rng.integers(0, wings.pairs.shape[1], wanted)]
    rows = [np.flatnonzero(member == k) for k in range(len(counts))]
    return np.array([[rng.choice(rows[k]) for k in parents] for parents in pairs], dtype=np.int64)


def mixed(
    wings: Wings, count: int, same: bool, mixing: Mixing, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Return images (count, 3, s, s) of two parents of one or two subspecies; shares (count, k)."""
    size = wings.pure.shape[-1]
    share = patch_shares(3 * count, size, mixing, rng)
    part = share.mean(dim=(1, 2))
    clear = torch.minimum(part, 1 - part) >= LEAST_SHARE
    share, part = share[clear][:count], part[clear][:count]
    first, second = _parents(wings, len(share), same, rng)
    images = share[:, None] * wings.pure[first] + (1 - share[:, None]) * wings.pure[second]
    classes = torch.zeros(len(share), len(wings.groups.names))
    member = torch.from_numpy(wings.groups.member)
    at = torch.arange(len(share))
    classes[at, member[first]] += part
    classes[at, member[second]] += 1 - part
    return images, classes


def shifted(images: Tensor, mixing: Mixing, rng: np.random.Generator) -> Tensor:
    """Shift hue, tone, saturation and outline, each image (n, 3, s, s) by its own amounts."""
    count = len(images)

    def draw(reach: float) -> Tensor:
        return torch.from_numpy(rng.uniform(-reach, reach, count)).float()

    strong = torch.from_numpy(rng.random(count) < mixing.strong_share)
    hue = torch.where(strong, draw(mixing.strong_hue), draw(mixing.hue))
    turn = _turns(torch.deg2rad(hue))
    grey = images.mean(dim=1, keepdim=True)
    saturation = (1 + draw(mixing.saturation))[:, None, None, None]
    colour = torch.einsum("nij,njyx->niyx", turn, images - grey) * saturation
    # Darkness and not brightness is scaled: the background stays white.
    tone = (1 + draw(mixing.tone))[:, None, None, None]
    coloured = (1 - (1 - grey) * tone + colour).clamp(0, 1)
    size = images.shape[-1]
    line = (torch.arange(size) + 0.5) / size
    grids = []
    for _ in range(2):
        bent = line[None] ** torch.exp(draw(mixing.bend))[:, None]
        grids.append(2 * (bent + draw(mixing.shift)[:, None]) - 1)
    across = grids[0][:, None, :].expand(count, size, size)
    along = grids[1][:, :, None].expand(count, size, size)
    return grid_sample(
        coloured, torch.stack([across, along], dim=-1), padding_mode="border", align_corners=False
    )


def _turns(angle: Tensor) -> Tensor:
    """(n, 3, 3) rotations of RGB about the grey axis (Rodrigues)."""
    k = 3**-0.5
    cross = torch.tensor([[0, -k, k], [k, 0, -k], [-k, k, 0]])
    sin, cos = torch.sin(angle)[:, None, None], torch.cos(angle)[:, None, None]
    turns: Tensor = torch.eye(3) + sin * cross + (1 - cos) * (cross @ cross)
    return turns


def make_batch(wings: Wings, size: int, mixing: Mixing, rng: np.random.Generator) -> Batch:
    """Draw a batch of about `size` images."""
    k = len(wings.groups.names)
    hybrids = round(size * mixing.known_hybrids) if len(wings.hybrids) else 0
    crosses = round(size * mixing.crosses)
    pure = size - hybrids - crosses
    blended = round(pure * mixing.mixed_pure)
    single = _parents(wings, pure - blended, True, rng)[0]
    of_single = torch.zeros(len(single), k)
    of_single[torch.arange(len(single)), torch.from_numpy(wings.groups.member[single])] = 1.0
    same, of_same = mixed(wings, blended, True, mixing, rng)
    crossed, of_crossed = mixed(wings, crosses, False, mixing, rng)
    known = wings.hybrids[rng.integers(0, max(len(wings.hybrids), 1), hybrids)]
    parts = [wings.pure[single], same, crossed, known]
    flags = [torch.full((len(p),), float(i > 1)) for i, p in enumerate(parts)]
    return Batch(
        shifted(torch.cat(parts), mixing, rng),
        torch.cat([of_single, of_same, of_crossed, torch.zeros(hybrids, k)]),
        torch.cat(flags),
    )
