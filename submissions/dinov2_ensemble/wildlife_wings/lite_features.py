"""Features of squares of pixels by EfficientNet-Lite, in place of a DINOv2 backbone's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from wildlife_wings.dinov2_pixels import Pixels, normalised
from wildlife_wings.lite_tower import LiteTower

Features = NDArray[np.float32]


class LiteFeatures:
    """LiteTower and its preprocessing; on CUDA if the machine has it."""

    def __init__(
        self, settings: Mapping[str, Any], base: Path, preprocessing: Mapping[str, Any]
    ) -> None:
        """Read the network; `preprocessing` has config.json's `mean` and `std`.

        Raises FileNotFoundError, or ValueError where the file is damaged or of another network.
        """
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._tower = LiteTower(settings, base).to(self._device)
        self._preprocessing = preprocessing
        self.features = self._tower.features

    @torch.inference_mode()
    def of_pixels(self, pixels: Pixels) -> Features:
        """Return (n, features) for (n, size, size, 3) bytes."""
        inputs = normalised(pixels, self._preprocessing).to(self._device)
        features: Features = self._tower(inputs).cpu().numpy()
        return features
