"""The recipe that decides the weights of `dinov2_ensemble`: published, small, and on ImageNet's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from training.common.base_network import base_settings
from training.hybrid.dinov2.backbone import BackboneRecipe
from training.hybrid.dinov2.crosses import Mixing

IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
HALF = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
STILL = ((0, 0),)
DIAGONALS = (*STILL, (1, 1), (-1, 1), (1, -1), (-1, -1))


@dataclass(frozen=True)
class Lite:
    """A frozen EfficientNet-Lite: its name, and what of it is taken."""

    network: str = "lite0"
    stages: tuple[int, ...] = (4, 6)
    grid: tuple[int, int] = (1, 1)  # rows, columns
    input: tuple[int, int] = (192, 128)  # height, width of one wing side

    def settings(self) -> dict[str, Any]:
        """The settings of LiteTower in config.json."""
        base = base_settings(self.network, self.stages, self.grid)
        return {"base": base, "input": list(self.input)}


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the artifacts, except the images."""

    cut: str
    image_size: int
    shifts: tuple[tuple[int, int], ...]  # pixels to the right and down; features are their mean
    mlp_widths: tuple[int, ...]
    mlp_steps: int
    mlp_learning_rate: float
    synthetic: int  # images for SGD and MLP
    score: str = "max"
    seed: int = 0
    mixing: Mixing = field(default_factory=Mixing)
    scratch: BackboneRecipe | None = None  # without it, a ready backbone is needed
    lite: Lite | None = None  # instead of a DINOv2 backbone

    @property
    def preprocessing(self) -> dict[str, Any]:
        """The preprocessing of config.json."""
        shifts = [list(shift) for shift in self.shifts]
        return {
            "version": 1,
            "cut": self.cut,
            "image_size": self.image_size,
            "shifts": shifts,
            **(HALF if self.lite else IMAGENET),
        }


PRESETS = {
    "small": Recipe(
        cut="wings",
        image_size=48,
        shifts=DIAGONALS,
        mlp_widths=(64, 64, 32),
        mlp_steps=100,
        mlp_learning_rate=1e-3,
        synthetic=3000,
        scratch=BackboneRecipe(),
    ),
    "imagenet": Recipe(
        cut="wings",
        image_size=96,
        shifts=STILL,
        mlp_widths=(64, 64, 32),
        mlp_steps=30,
        mlp_learning_rate=1e-3,
        synthetic=3000,
        score="mean",
        lite=Lite(),
    ),
    "full": Recipe(
        cut="whole",
        image_size=224,
        shifts=STILL,
        mlp_widths=(1024, 1024, 512),
        mlp_steps=200,
        mlp_learning_rate=1e-4,
        synthetic=0,
    ),
}
