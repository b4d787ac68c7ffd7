"""Features of squares of pixels by EfficientNet-Lite, in place of a DINOv2 backbone's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wildlife_submission.served_network import ServedNetwork
from wildlife_wings.dinov2_pixels import Pixels, normalised
from wildlife_wings.lite_tower import LiteTower

Features = NDArray[np.float32]


class NormalisedTower(nn.Module):
    """(n, 3, size, size) of 0..255 -> the tower's features (n, d)."""

    def __init__(self, tower: LiteTower, preprocessing: Mapping[str, Any]) -> None:
        super().__init__()
        self.tower, self.preprocessing = tower, preprocessing

    def forward(self, pixels: Tensor) -> Tensor:
        features: Tensor = self.tower(normalised(pixels, self.preprocessing))
        return features


class LiteFeatures:
    """LiteTower and its preprocessing; on CUDA if the machine has it."""

    def __init__(
        self, settings: Mapping[str, Any], base: Path, preprocessing: Mapping[str, Any]
    ) -> None:
        """Read the network; `preprocessing` has config.json's `mean` and `std`.

        Raises FileNotFoundError, or ValueError where the file is damaged or of another network.
        """
        tower = LiteTower(settings, base)
        self._network = ServedNetwork(NormalisedTower(tower, preprocessing))
        self.features = tower.features

    def of_pixels(self, pixels: Pixels) -> Features:
        """Return (n, features) for (n, size, size, 3) bytes, as one tensor."""
        features: Features = self._network(torch.from_numpy(pixels).movedim(-1, 1)).numpy()
        return features
