"""The DINOv2 backbone from a local folder in the public format, and its features."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import Dinov2Model
from transformers.utils import logging

from wildlife_submission.served_network import ServedNetwork
from wildlife_wings.dinov2_pixels import Pixels, moved, normalised

Features = NDArray[np.float32]
FILES = ("config.json", "model.safetensors")


def read_backbone(folder: Path, preprocessing: Mapping[str, Any]) -> Backbone:
    """Read config.json and model.safetensors of `folder`, in the format of `facebook/dinov2-base`.

    Never reaches for a network. Raises FileNotFoundError, or ValueError where the weights are of
    another architecture than config.json, or damaged.
    """
    for name in FILES:
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"{folder / name} is missing: make it with "
                "`python -m training.hybrid.dinov2_ensemble`, or put config.json and "
                "model.safetensors of facebook/dinov2-base there"
            )
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        loaded: Any = Dinov2Model.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except Exception as error:  # a damaged file raises safetensors' own error, among others
        raise ValueError(f"{folder} cannot be read as a Dinov2Model: {error}") from None
    finally:
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
    model, differences = loaded
    wrong = [
        f"{kind} {sorted(map(str, names))[:3]}" for kind, names in differences.items() if names
    ]
    if wrong:
        raise ValueError(
            f"{folder}: model.safetensors is of another architecture than config.json: "
            + "; ".join(wrong)
        )
    return Backbone(model, preprocessing)


class ShiftedFeatures(nn.Module):
    """(n, 3, size, size) of 0..255 -> (n, features): class token, mean patch token.

    The mean over the preprocessing's `shifts`: patches cut the pattern elsewhere in each.
    """

    def __init__(self, model: Dinov2Model, preprocessing: Mapping[str, Any]) -> None:
        super().__init__()
        self.model, self.preprocessing = model, preprocessing

    def forward(self, pixels: Tensor) -> Tensor:
        inputs = normalised(pixels, self.preprocessing)
        shifts = self.preprocessing["shifts"]
        copies = torch.cat([moved(inputs, right, down) for right, down in shifts])
        tokens: Tensor = self.model(pixel_values=copies).last_hidden_state
        both = torch.cat([tokens[:, 0], tokens[:, 1:].mean(dim=1)], dim=1)
        return both.reshape(len(shifts), len(pixels), -1).mean(dim=0)


class Backbone:
    """A Dinov2Model and its preprocessing; on CUDA if the machine has it."""

    def __init__(self, model: Dinov2Model, preprocessing: Mapping[str, Any]) -> None:
        features = ShiftedFeatures(model, preprocessing)
        self._network = ServedNetwork(features, channels_last=False)
        self.features = 2 * int(model.config.hidden_size)

    def of_pixels(self, pixels: Pixels) -> Features:
        """Return (n, features) for (n, size, size, 3) bytes, as one tensor."""
        features: Features = self._network(torch.from_numpy(pixels).movedim(-1, 1)).numpy()
        return features
