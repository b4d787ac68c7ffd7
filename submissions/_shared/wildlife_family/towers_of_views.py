"""Several towers, each with several views of an image, and one linear head on all features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from wildlife_backbone.features import base_path, read_base
from wildlife_backbone.tuned import read_tuned
from wildlife_family.networks import Head, tower_of
from wildlife_family.views import images_of
from wildlife_image.square import normalised


class TowerOfViews(nn.Module):
    """Views (n, m x v, 3, s, s), or (n, 3 m v, s, s), -> features (n, m, v x d), side by side.

    m is 2 where the mirror images of all views follow them, else 1. settings: `base` or
    `architecture`, `mean` and `std`; views: as in wildlife_family/views.py.
    """

    def __init__(self, settings: Mapping[str, Any], views: Mapping[str, Any]) -> None:
        super().__init__()
        self._settings = dict(settings)
        self._mirrored = 2 if views["mirrored"] else 1
        self.tower = tower_of(settings)
        self.features = int(self.tower.features) * len(views["shares"])

    def forward(self, seen: Tensor) -> Tensor:
        features: Tensor = self.tower(normalised(images_of(seen), self._settings))
        return features.reshape(len(seen), self._mirrored, self.features)


def read_tower(folder: Path, settings: Mapping[str, Any], views: Mapping[str, Any]) -> TowerOfViews:
    """Return a tower with the weights of its base's file, ready to serve.

    Raises FileNotFoundError, or ValueError where the file is damaged or of another network.
    """
    made = TowerOfViews(settings, views)
    base = base_path(folder, settings)
    if base is None:
        raise ValueError("a tower without `base`: its weights cannot be found")
    read_base(made, base)
    return made.eval()


def read_head(path: Path, features: int, families: int) -> Head:
    """Return the linear head of a file, in float32.

    Raises FileNotFoundError; ValueError where the file is damaged, or of other numbers of features
    or families.
    """
    head = Head(features, families, [], 0.0)
    read_tuned(head, path)
    return head.eval()


@torch.inference_mode()
def joint_logits(head: Head, features: Sequence[Tensor]) -> Tensor:
    """Return logits (n, families), the mean over m, of each tower's features (n, m, f)."""
    joint = torch.cat(list(features), dim=2)
    logits: Tensor = head(joint.flatten(0, 1))
    return logits.reshape(*joint.shape[:2], -1).mean(dim=1)
