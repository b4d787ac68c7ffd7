"""Features of aligned wings by EfficientNet-Lite under its public ImageNet weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from wildlife_backbone.backbone import Backbone, pooled
from wildlife_wings.dinov2_pixels import Pixels, normalised

Features = NDArray[np.float32]


class LiteFeatures:
    """The chosen stages' maps, each averaged in the cells of a grid; on CUDA if there is one."""

    def __init__(
        self, settings: Mapping[str, Any], base: Path, preprocessing: Mapping[str, Any]
    ) -> None:
        """Read the network.

        Args:
            settings: `network` (lite0, lite1 or lite2), `stages` (0 to 7), `grid` (rows, columns)
                and `input` (height, width), the size that the network sees; as in config.json.
            base: the published file of weights.
            preprocessing: `mean` and `std` of config.json.

        Raises FileNotFoundError, or ValueError where the file is damaged or of another network.
        """
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network = Backbone(settings["network"], settings["stages"])
        network.read_published(base)
        self._network = network.to(self._device).eval()
        rows, columns = settings["grid"]
        height, width = settings["input"]
        self._grid, self._input = (int(rows), int(columns)), (int(height), int(width))
        self._preprocessing = preprocessing
        self.features = self._grid[0] * self._grid[1] * sum(network.channels)

    @torch.inference_mode()
    def of_pixels(self, pixels: Pixels) -> Features:
        """Return (n, features) for (n, size, size, 3) bytes."""
        inputs = normalised(pixels, self._preprocessing).to(self._device)
        resized = interpolate(inputs, self._input, mode="bilinear", align_corners=False)
        features: Features = pooled(self._network(resized), self._grid).cpu().numpy()
        return features
