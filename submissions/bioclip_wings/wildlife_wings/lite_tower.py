"""EfficientNet-Lite under its public ImageNet weights, as a map from wings to features."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn.functional import interpolate

from wildlife_backbone.features import PooledStages, read_base
from wildlife_backbone.tuned import read_tuned


class LiteTower(PooledStages):
    """Normalised pixels (n, 3, h, w) of any size -> features (n, d)."""

    def __init__(self, settings: Mapping[str, Any], base: Path, tuned: Path | None = None) -> None:
        """Read the network, ready to serve.

        Args:
            settings: `base` as in `PooledStages`, and `input` (height, width), the size that the
                network sees; as in config.json.
            base: the published file of weights.
            tuned: the file of what training changed, if any.

        Raises FileNotFoundError, or ValueError where a file is damaged or of another network.
        """
        super().__init__(settings)
        height, width = settings["input"]
        self.input = (int(height), int(width))
        names = read_base(self, base)
        if tuned is not None:
            read_tuned(self, tuned, names)
        self.eval()

    def forward(self, pixels: Tensor) -> Tensor:
        resized = interpolate(pixels, self.input, mode="bilinear", align_corners=False)
        return super().forward(resized)
