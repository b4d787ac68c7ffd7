"""The tower of a family network with its published weights, and what tells it from others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from training.common.backbones import architecture_of, create_backbone
from training.common.base_network import base_file, base_settings, base_tensors
from wildlife_backbone.backbone import HEAD
from wildlife_backbone.features import read_base
from wildlife_family.networks import TimmTower, tower_of

HALF = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}  # what EfficientNet-Lite takes
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}


@dataclass(frozen=True)
class TowerRecipe:
    """Which tower, and what of it is taken.

    base: a key of LITE (training/common/base_network.py), with the means of `stages`; or, where it
    is "", a backbone by a name that timm knows, `hf-hub:` and `local-dir:` too.
    """

    base: str = "lite2"
    stages: tuple[int, ...] = (HEAD,)
    backbone: str = ""

    def settings(self) -> dict[str, Any]:
        """The tower's part of `network` in config.json; without the architecture of a backbone."""
        if self.base:
            return {"base": base_settings(self.base, self.stages, (1, 1)), **HALF}
        return dict(IMAGENET)


def start_tower(recipe: TowerRecipe) -> tuple[nn.Module, dict[str, Any]]:
    """Return the tower with its published weights, and its settings for config.json.

    Raises TrainingError where the weights cannot be had.
    """
    settings = recipe.settings()
    if recipe.base:
        tower: nn.Module = tower_of(settings)
        read_base(tower, base_file(recipe.base))
        return tower.eval(), settings
    backbone = create_backbone(recipe.backbone, pretrained=True)
    settings["architecture"] = architecture_of(backbone, recipe.backbone)
    made = TimmTower(settings)
    made.backbone.load_state_dict(backbone.state_dict())
    return made.eval(), settings


def tower_digest(tower: nn.Module, settings: Mapping[str, Any]) -> str:
    """Return a digest of a tower's weights and of what is taken from it."""
    digest = hashlib.sha256(json.dumps(dict(settings), sort_keys=True).encode())
    for name, tensor in sorted(tower.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def published_tensors(network: nn.Module, settings: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the tensors of a network that a package brings; {} where none ships its tower."""
    return base_tensors(network, settings) if "base" in settings else {}
