"""The network of `triplet_centroids`: a timm backbone, a linear layer, length 1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from wildlife_backbone.features import StageFeatures


class TripletNetwork(nn.Module):
    """(n, 3, size, size) -> (n, width) of length 1; weights at random.

    settings: `architecture` and `arguments` for timm, and `width`; `stage`, where given, takes all
    places of that stage's map in place of their mean: for animals in a standard pose, where a place
    of the map is a place on the animal. With `base` instead of `architecture` it stands on features
    of a base network (wildlife_backbone/features.py).
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__()
        arguments = dict(settings.get("arguments", {}))
        if "base" in settings:
            self.backbone: nn.Module = StageFeatures(settings)
            features = self.backbone.features
            self.neck: nn.Module = nn.Identity()
        elif "stage" in settings:
            self.backbone = timm.create_model(
                settings["architecture"],
                pretrained=False,
                features_only=True,
                out_indices=(int(settings["stage"]),),
                **arguments,
            )
            info: Any = self.backbone.feature_info
            cells = math.ceil(int(settings["image_size"]) / info.reduction()[-1])
            features = info.channels()[-1] * cells**2
            self.neck = nn.BatchNorm1d(features, affine=False)
        else:
            self.backbone = timm.create_model(
                settings["architecture"], pretrained=False, num_classes=0, **arguments
            )
            # Some families have one more layer between the pooled features and the classifier.
            features = getattr(self.backbone, "head_hidden_size", self.backbone.num_features)
            self.neck = nn.Identity()
        self.head = nn.Linear(int(features), int(settings["width"]))

    def _pooled(self, pixels: Tensor) -> Tensor:
        """(n, features): the backbone's mean over places, or all places of its one map."""
        features: Tensor | list[Tensor] = self.backbone(pixels)
        return features[0].flatten(1) if isinstance(features, list) else features

    def forward(self, pixels: Tensor) -> Tensor:
        return normalize(self.head(self.neck(self._pooled(pixels))), dim=1)


@torch.inference_mode()
def embed(network: nn.Module, pixels: Tensor) -> Tensor:
    """Return (width,) for one image (3, size, size)."""
    vector: Tensor = network(pixels[None])[0]
    return vector
