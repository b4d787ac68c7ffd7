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
    """Return `unit_rows` (d,) for one image (3, size, size)."""
    return unit_rows(network(pixels[None]))[0]


def unit_rows(answers: Tensor) -> Tensor:
    """Return the network's answers as rows (n, d) of length 1, in double; maps are flattened."""
    return normalize(answers.flatten(1).double(), dim=1)
