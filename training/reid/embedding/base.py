"""An embedding that starts from a base network: which features, what is tuned, at what pace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from training.common.base_network import base_file, base_settings, freeze
from wildlife_backbone.features import StageFeatures, read_base
from wildlife_image.square import normalised

_BATCH = 64


@dataclass(frozen=True)
class BaseFeatures:
    """Features of a base network whose weights a package ships.

    name: a key of LITE (training/common/base_network.py); stages: whose maps are taken; grid: rows
    and columns of cells that a map is averaged over; tuned: how many of the last stages training
    changes.
    """

    name: str
    stages: tuple[int, ...]
    grid: tuple[int, int]
    tuned: int

    def settings(self) -> dict[str, Any]:
        """The part `base` of a network's settings in config.json."""
        return base_settings(self.name, self.stages, self.grid)


def start_from_base(network: nn.Module, base: BaseFeatures) -> None:
    """Give a network the published weights of its base; leave its last stages to training.

    Raises TrainingError where the weights cannot be had.
    """
    read_base(network, base_file(base.name))
    freeze(network, base.tuned)
    # Its depthwise convolutions then take two thirds of the time on a CPU.
    network.to(memory_format=torch.channels_last)


@torch.inference_mode()
def settle(network: nn.Module, squares: Tensor, settings: Mapping[str, Any]) -> None:
    """Standardise a base's features by the images (n, 3, s, s) that the network was trained on.

    In training the statistics are those of varied images and of weights that still change.
    """
    for part in network.eval().modules():
        if isinstance(part, StageFeatures):
            part.neck.reset_running_stats()
            part.neck.momentum = None  # the mean over all batches
            part.neck.train()
            for batch in torch.split(squares, _BATCH):
                part(torch.stack([normalised(one, settings) for one in batch]))
            part.neck.eval()
