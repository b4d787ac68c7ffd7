"""The ConvNeXt that names individuals: a timm network, an output for each that it learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


def identity_classifier(settings: Mapping[str, Any], classes: int) -> nn.Module:
    """Build (n, 3, size, size) -> (n, classes), weights at random; settings as in swin.py."""
    network: nn.Module = timm.create_model(
        settings["architecture"],
        pretrained=False,
        num_classes=classes,
        **dict(settings.get("arguments", {})),
    )
    return network


@torch.inference_mode()
def logits(network: nn.Module, pixels: Tensor) -> NDArray[np.float64]:
    """Return (classes,) for one image (3, size, size)."""
    return np.asarray(network(pixels[None])[0].double().numpy())
