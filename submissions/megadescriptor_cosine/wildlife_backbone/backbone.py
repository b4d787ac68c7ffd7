"""EfficientNet-Lite without its classifier: the maps of chosen stages, whole or pooled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from wildlife_backbone.published import architecture, published_weights

HEAD = 7  # the last map, after the stages 0 to 6: 1,280 channels
REDUCTION = (2, 4, 8, 16, 16, 32, 32, 32)  # pixels of the image per place, by stage
MEAN = STD = (0.5, 0.5, 0.5)
# Images that a CPU has at once where nothing is learned: maps of more leave its caches, and 96 take
# up to four times as long.
AT_ONCE = 8


class Backbone(nn.Module):
    """(n, 3, h, w) -> a map (n, channels, h / reduction, w / reduction) for each of `stages`.

    name: "lite0", "lite1" or "lite2"; stages: 0 to 6, and 7 for the last layer. The network ends
    at the last of them, so that a file of its weights stays small: 0.9 M parameters up to stage 4
    of lite0, 3.4 M in all. Pixels: RGB in 0..1, minus 0.5, divided by 0.5. Weights at random.

    Raises ValueError for an unknown name or stage.
    """

    def __init__(self, name: str, stages: Sequence[int]) -> None:
        super().__init__()
        if not stages or not set(stages) <= set(range(HEAD + 1)):
            raise ValueError(f"expected stages of 0 to {HEAD}, found {list(stages)}")
        whole: Any = timm.create_model(architecture(name).timm, pretrained=False, num_classes=0)
        self.name = name
        self.stages = tuple(sorted(set(stages)))
        self.conv_stem, self.bn1 = whole.conv_stem, whole.bn1
        self.blocks = whole.blocks[: self.stages[-1] + 1]
        if self.stages[-1] == HEAD:
            self.conv_head, self.bn2 = whole.conv_head, whole.bn2
        widths = (*(_width(stage) for stage in whole.blocks), int(whole.num_features))
        self.channels = tuple(widths[stage] for stage in self.stages)
        self.to(memory_format=torch.channels_last)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        learns = self.training or torch.is_grad_enabled()
        if learns or pixels.device.type != "cpu" or len(pixels) <= AT_ONCE:
            return self._maps(pixels)
        parts = [self._maps(part) for part in torch.split(pixels, AT_ONCE)]
        return [torch.cat(maps) for maps in zip(*parts, strict=True)]

    def _maps(self, pixels: Tensor) -> list[Tensor]:
        maps = []
        current: Tensor = self.bn1(self.conv_stem(pixels))
        for stage, block in enumerate(self.blocks):
            current = block(current)
            if stage in self.stages:
                maps.append(current)
        if self.stages[-1] == HEAD:
            maps.append(self.bn2(self.conv_head(current)))
        return maps

    def read_published(self, path: Path) -> None:
        """Take the weights of the package's file, as far as this network goes.

        Raises FileNotFoundError, or ValueError where the file is damaged or of another network.
        """
        weights = published_weights(self.name, path)
        own = self.state_dict()
        self.load_state_dict({name: weights[name] for name in own})


def _width(stage: Any) -> int:
    """Channels of a stage's map: those of the last batch norm of its last block."""
    last = [layer for layer in stage.modules() if isinstance(layer, nn.BatchNorm2d)][-1]
    return int(last.num_features)


def pooled(maps: Sequence[Tensor], grid: tuple[int, int] = (1, 1)) -> Tensor:
    """Return (n, features): each map's mean over the cells of a grid (rows, columns), in a row."""
    return torch.cat([adaptive_avg_pool2d(one, grid).flatten(1) for one in maps], dim=1)


def classifier(name: str, path: Path) -> nn.Module:
    """Return the whole network: (n, 3, h, w) -> (n, 1000) logits of the ImageNet classes.

    Raises FileNotFoundError, or ValueError where the file is damaged or of another network.
    """
    network: nn.Module = timm.create_model(architecture(name).timm, pretrained=False)
    network.load_state_dict(published_weights(name, path))
    return network.eval()
