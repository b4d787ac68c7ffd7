"""EfficientNet-Lite under its public ImageNet weights, as a map from wings to features."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn.functional import interpolate

from wildlife_backbone.features import PooledStages, read_base


class LiteTower(PooledStages):
    """Normalised pixels (n, 3, h, w) of any size -> features (n, d).

    Always in evaluation mode: its batch norms keep what ImageNet taught.
    """

    def __init__(self, settings: Mapping[str, Any], base: Path) -> None:
        """Read the network.

        Args:
            settings: `base` as in `PooledStages`, and `input` (height, width), the size that the
                network sees; as in config.json.
            base: the published file of weights.

        Raises FileNotFoundError, or ValueError where the file is damaged or of another network.
        """
        super().__init__(settings)
        height, width = settings["input"]
        self.input = (int(height), int(width))
        read_base(self, base)
        self.eval()

    def forward(self, pixels: Tensor) -> Tensor:
        resized = interpolate(pixels, self.input, mode="bilinear", align_corners=False)
        return super().forward(resized)

    def train(self, mode: bool = True) -> LiteTower:
        """Stay in evaluation mode, whatever `mode` is."""
        super().train(False)
        return self
