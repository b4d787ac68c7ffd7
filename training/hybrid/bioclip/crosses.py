"""Crosses of aligned views that no batch sees: they tell how far the scores spread."""

from __future__ import annotations

import torch
from torch import Tensor

from training.hybrid.bioclip.batches import cross, partners
from training.hybrid.bioclip.images import Labels


def cross_views(labels: Labels, views: Tensor, count: int, seed: int) -> Tensor:
    """Return `count` crosses (count, v, 3, h, w) as bytes, the same patches on all their views."""
    generator = torch.Generator().manual_seed(seed)
    view_number = torch.from_numpy((labels.view[:, None] == sorted(set(labels.view))).argmax(1))
    first = torch.randint(len(views), (count,), generator=generator)
    other = partners(torch.from_numpy(labels.own), view_number, generator)
    crossed = []
    for view in range(views.shape[1]):
        generator = torch.Generator().manual_seed(seed + 1)
        a, b = views[first, view].float() / 255, views[other[first], view].float() / 255
        crossed.append((cross(a, b, generator)[0] * 255).round().to(torch.uint8))
    return torch.stack(crossed, dim=1)
