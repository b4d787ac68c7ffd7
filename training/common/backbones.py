"""Networks of timm, by its names, a hub's id, or a local folder, and what their input needs."""

from __future__ import annotations

from typing import Any

import timm
from torch import nn

from training.common.errors import TrainingError

# Mean and standard deviation of a network's input: of ImageNet (published code), or a half each
# (MegaDescriptor's model card).
NORMALISATIONS = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}


def create_backbone(name: str, pretrained: bool, **arguments: Any) -> nn.Module:
    """Create a timm network without classifier.

    Raises TrainingError where timm does not know the name or cannot get its weights.
    """
    try:
        backbone: nn.Module = timm.create_model(
            name, pretrained=pretrained, num_classes=0, **arguments
        )
    except Exception as error:  # timm and the hub's client raise a dozen different ones
        raise TrainingError(
            f"backbone {name!r}: {error}; expected a name of timm, hf-hub:OWNER/MODEL, or "
            "local-dir:FOLDER with config.json and model.safetensors"
        ) from error
    return backbone


def architecture_of(backbone: nn.Module, name: str) -> str:
    """The name of timm's function for a backbone that came by a hub's name or from a folder."""
    architecture = dict(getattr(backbone, "pretrained_cfg", {})).get("architecture")
    return str(architecture or name.split(".")[0])
