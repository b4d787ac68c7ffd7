"""What decides an encoder, besides the images; its presets; its weights at the start."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from training.common.backbones import NORMALISATIONS, architecture_of, create_backbone
from training.common.base_network import base_file, base_settings, freeze
from training.common.errors import TrainingError
from training.common.script import option
from wildlife_anomaly.encoder import Encoder
from wildlife_backbone.features import read_base

NT_XENT, TRIPLET = "nt-xent", "triplet"
STAGES = (2, 3, 4, 6)  # of EfficientNet-Lite; chosen on feeder birds, species left out in turn


@dataclass(frozen=True)
class Recipe:
    """All that decides an encoder.

    backbone: a name that timm takes, `hf-hub:` and `local-dir:` too, or "lite0", whose published
    weights a package ships; pretrained: start from the backbone's published weights; tuned: how
    many of the last stages of "lite0" learn; normalisation: of the input. loss: NT_XENT (published,
    with `temperature`) or TRIPLET (published, with `margin`).
    """

    backbone: str
    pretrained: bool
    normalisation: str
    tuned: int = 8
    windowed: bool = False
    image_size: int = option(224, "pixels of a crop")
    box_margin: float = option(0.1, "around a box, as a share of its longer side")
    loss: str = NT_XENT
    temperature: float = option(0.5, "of NT-Xent")
    margin: float = option(0.2, "of the triplet loss")
    projection: int = option(128, "numbers that the projection head gives")
    epochs: int = option(100, "passes over the crops; 0 takes the weights as they are")
    batch: int = option(64, "crops in a batch, each seen twice")
    learning_rate: float = option(1e-3, "of Adam at the start; it falls along half a cosine")
    seed: int = option(0, "of weights, batches and views")


PRESETS = {
    "small": Recipe(
        "test_efficientnet.r160_in1k", False, "half", image_size=96, epochs=30, learning_rate=2e-3
    ),
    "imagenet": Recipe(
        "lite0", True, "half", tuned=1, windowed=True, image_size=192, epochs=3, batch=32,
        learning_rate=1e-4,
    ),
    "full": Recipe("resnet50", True, "imagenet", learning_rate=3e-4),
}  # fmt: skip
# Frozen features of the published base network; nothing is trained.
FROZEN = replace(PRESETS["imagenet"], epochs=0)


def build(recipe: Recipe) -> tuple[Encoder, dict[str, Any]]:
    """Build the encoder with its start weights, and its settings for config.json.

    Raises TrainingError where the weights cannot be had.
    """
    torch.manual_seed(recipe.seed)
    mean, std = NORMALISATIONS[recipe.normalisation]
    settings: dict[str, Any] = {
        "image_size": recipe.image_size,
        "margin": recipe.box_margin,
        "mean": list(mean),
        "std": list(std),
    }
    if recipe.backbone == "lite0":
        settings |= {"base": base_settings("lite0", STAGES, (1, 1)), "windowed": recipe.windowed}
        encoder = Encoder(settings)
        read_base(encoder, base_file("lite0"))
        freeze(encoder, recipe.tuned)
        return encoder, settings
    backbone = create_backbone(recipe.backbone, recipe.pretrained)
    settings["architecture"] = architecture_of(backbone, recipe.backbone)
    encoder = Encoder(settings)
    _take_weights(encoder.backbone, backbone, recipe.backbone)
    return encoder, settings


def _take_weights(own: nn.Module, given: nn.Module, name: str) -> None:
    try:
        own.load_state_dict(given.state_dict())
    except RuntimeError as error:
        raise TrainingError(
            f"backbone {name!r}: its weights do not fit the network of its name: {error}"
        ) from error


class ProjectionHead(nn.Module):
    """(n, features) -> (n, width), for the loss only; a submission takes the features."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(features, features), nn.ReLU(), nn.Linear(features, width)
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        projected: torch.Tensor = self.layers(features)
        return projected
