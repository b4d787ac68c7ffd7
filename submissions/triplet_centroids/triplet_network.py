"""The network of `triplet_centroids`: a timm backbone, a linear layer, length 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize


class TripletNetwork(nn.Module):
    """(n, 3, side, side) -> (n, width) of length 1; weights at random.

    settings: `architecture` and `arguments` for timm, and `width`.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__()
        arguments = dict(settings.get("arguments", {}))
        self.backbone = timm.create_model(
            settings["architecture"], pretrained=False, num_classes=0, **arguments
        )
        # Some families have one more layer between the pooled features and the classifier.
        features = getattr(self.backbone, "head_hidden_size", self.backbone.num_features)
        self.head = nn.Linear(int(features), int(settings["width"]))

    def forward(self, pixels: Tensor) -> Tensor:
        return normalize(self.head(self.backbone(pixels)), dim=1)


@torch.inference_mode()
def embed(network: nn.Module, pixels: Tensor) -> Tensor:
    """(3, side, side) -> (width,). One at a time: the last digits of a batch depend on its size."""
    vector: Tensor = network(pixels[None])[0]
    return vector
