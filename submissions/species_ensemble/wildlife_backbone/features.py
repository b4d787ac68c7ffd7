"""The features that a submission takes from a base network, by its config.json."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from wildlife_backbone.backbone import Backbone, pooled


class PooledStages(nn.Module):
    """(n, 3, h, w) -> (n, features): the maps of stages of a base network, averaged in cells.

    settings: `base`, with `name` of the network, its `stages`, the `grid` of rows and columns of
    cells, and `weights`, the path of its file in the submission. Weights at random; `read_base`
    brings the published ones.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__()
        base = settings["base"]
        self.backbone = Backbone(str(base["name"]), base["stages"])
        rows, columns = base["grid"]
        self.grid = (int(rows), int(columns))
        self.features = sum(self.backbone.channels) * rows * columns

    def forward(self, pixels: Tensor) -> Tensor:
        return pooled(self.backbone(pixels), self.grid)


class StageFeatures(PooledStages):
    """`PooledStages`, each feature with mean 0 and variance 1 over the training images."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        self.neck = nn.BatchNorm1d(self.features, affine=False)

    def forward(self, pixels: Tensor) -> Tensor:
        standardised: Tensor = self.neck(super().forward(pixels))
        return standardised


def base_path(folder: Path, settings: Mapping[str, Any]) -> Path | None:
    """Path of the base network's file in a submission; None where the settings name no base."""
    return folder / str(settings["base"]["weights"]) if "base" in settings else None


def read_base(network: nn.Module, path: Path) -> set[str]:
    """Give the backbone inside `network` its published weights; return the names of the tensors.

    Raises FileNotFoundError, or ValueError where the file is damaged or of another network.
    """
    names: set[str] = set()
    for prefix, module in network.named_modules():
        if isinstance(module, Backbone):
            module.read_published(path)
            names |= {f"{prefix}.{name}" if prefix else name for name in module.state_dict()}
    return names
