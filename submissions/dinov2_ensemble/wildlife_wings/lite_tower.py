"""EfficientNet-Lite under its public ImageNet weights, as a map from wings to features."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import interpolate

from wildlife_backbone.backbone import Backbone, pooled


class LiteTower(nn.Module):
    """Normalised pixels (n, 3, h, w) of any size -> features (n, d).

    The features are the chosen stages' maps, each averaged in the cells of a grid. Always in
    evaluation mode: its batch norms keep what ImageNet taught.
    """

    def __init__(self, settings: Mapping[str, Any], base: Path) -> None:
        """Read the network.

        Args:
            settings: `network` (lite0, lite1 or lite2), `stages` (0 to 7), `grid` (rows, columns)
                and `input` (height, width), the size that the network sees; as in config.json.
            base: the published file of weights.

        Raises FileNotFoundError, or ValueError where the file is damaged or of another network.
        """
        super().__init__()
        self.network = Backbone(settings["network"], settings["stages"])
        self.network.read_published(base)
        rows, columns = settings["grid"]
        height, width = settings["input"]
        self.grid, self.input = (int(rows), int(columns)), (int(height), int(width))
        self.features = self.grid[0] * self.grid[1] * sum(self.network.channels)
        self.eval()

    def forward(self, pixels: Tensor) -> Tensor:
        resized = interpolate(pixels, self.input, mode="bilinear", align_corners=False)
        return pooled(self.network(resized), self.grid)

    def train(self, mode: bool = True) -> LiteTower:
        """Stay in evaluation mode, whatever `mode` is."""
        super().train(False)
        return self
