"""A network from views of an image to a logit for each family: a tower, then a head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import timm
from torch import Tensor, nn

from wildlife_backbone.features import PooledStages, base_path, read_base
from wildlife_backbone.tuned import read_tuned
from wildlife_family.views import images_of
from wildlife_image.square import normalised


class Head(nn.Module):
    """Features (n, d) -> logits (n, families): batch norm, dense layers, the last one linear.

    hidden: units of each dense layer before the last, with ReLU and dropout after it; none leaves
    a linear classifier of standardised features. The published head is hidden = [600], dropout 0.4.
    """

    def __init__(self, features: int, families: int, hidden: Sequence[int], dropout: float) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(features, affine=bool(hidden))
        widths = [features, *hidden]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(dropout)]
        self.hidden = nn.Sequential(*layers)
        self.classifier = nn.Linear(widths[-1], families)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.hidden(self.norm(features)))
        return logits


class TimmTower(nn.Module):
    """(n, 3, s, s) -> (n, d): the pooled features of a network of timm, weights at random."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__()
        arguments = dict(settings.get("arguments", {}))
        self.backbone: Any = timm.create_model(
            str(settings["architecture"]), pretrained=False, num_classes=0, **arguments
        )
        width: Any = self.backbone.num_features
        self.features = int(width)

    def forward(self, pixels: Tensor) -> Tensor:
        features: Tensor = self.backbone(pixels)
        return features


def tower_of(settings: Mapping[str, Any]) -> PooledStages | TimmTower:
    """Return the tower that settings name: `base` (a packaged network) or `architecture`."""
    return PooledStages(settings) if "base" in settings else TimmTower(settings)


class FamilyNetwork(nn.Module):
    """Views (n, v, 3, s, s), or (n, 3 v, s, s), -> logits (n, families): the mean over the v views.

    settings: `base` or `architecture` of the tower, `mean` and `std` of its input, and `head` with
    `hidden` and `dropout`.
    """

    def __init__(self, settings: Mapping[str, Any], families: int) -> None:
        super().__init__()
        self.settings = dict(settings)
        self.tower = tower_of(settings)
        head = settings["head"]
        self.head = Head(self.tower.features, families, head["hidden"], float(head["dropout"]))

    def forward(self, views: Tensor) -> Tensor:
        features = self.tower(normalised(images_of(views), self.settings))
        logits: Tensor = self.head(features)
        return logits.reshape(len(views), -1, logits.shape[1]).mean(dim=1)


def read_network(
    folder: Path, settings: Mapping[str, Any], weights: str, families: int
) -> FamilyNetwork:
    """Return the network of a submission with its weights, in float32, ready to serve.

    folder: of the submission; weights: path of what training made in it; families: of the taxonomy.

    Raises FileNotFoundError; ValueError where the file is damaged or of another network, such as
    one with a head of another number of families.
    """
    network = FamilyNetwork(settings, families)
    path = folder / weights
    base = base_path(folder, settings)
    read_tuned(network, path, read_base(network, base) if base else ())
    return network.eval()
