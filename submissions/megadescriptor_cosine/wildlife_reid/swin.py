"""The network of `megadescriptor_cosine`: a Swin transformer of timm, or features of a base."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from wildlife_backbone.features import StageFeatures


def swin_descriptor(settings: Mapping[str, Any]) -> nn.Module:
    """Build (n, 3, size, size) -> (n, d), or a map (n, rows, columns, d) with `"global_pool": ""`.

    Weights at random. settings: `architecture` and `arguments` for timm; or `base`, for features of
    a base network (wildlife_backbone/features.py).
    """
    if "base" in settings:
        return StageFeatures(settings)
    network: nn.Module = timm.create_model(
        settings["architecture"],
        pretrained=False,
        num_classes=0,
        **dict(settings.get("arguments", {})),
    )
    return network


@torch.inference_mode()
def describe(network: nn.Module, pixels: Tensor) -> Tensor:
    """Return (d,) of length 1 for (3, size, size), in double precision; a map is flattened.

    One at a time: the last digits of a batch depend on its size.
    """
    return normalize(network(pixels[None]).flatten().double(), dim=0)
