"""The network that turns crops of animals into features, as training made it and as it serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from wildlife_anomaly.crops import BoxOfPixels, Pixels, box_window, crop_square, in_grey
from wildlife_backbone.features import PooledStages, base_path, read_base
from wildlife_backbone.networks import with_weights
from wildlife_image.square import normalised
from wildlife_submission.served_network import ServedNetwork

Features = NDArray[np.float64]


WINDOW = 0.3  # standard deviation of a crop's window, as a share of the box's sides


class Encoder(nn.Module):
    """(n, 4, size, size) bytes, RGB and the box's window -> (n, features); weights at random.

    settings: `image_size` of the crops in pixels, `margin` around a box (crops.py), `mean` and
    `std` of the input; `architecture`, a name of timm's, whose pooled features are taken, or
    `base`: pooled stages of a base network (wildlife_backbone/features.py). `windowed`, with
    `base` only: the mean of a stage is weighted by the box's window (crops.py).
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__()
        self.settings = settings
        if "base" in settings:
            self.backbone: nn.Module = PooledStages(settings)
            self.features = int(self.backbone.features)
        else:
            network: Any = timm.create_model(
                settings["architecture"], pretrained=False, num_classes=0
            )
            self.backbone = network
            # Some families have one more layer between the pooled features and the classifier.
            self.features = int(getattr(network, "head_hidden_size", network.num_features))

    def forward(self, pixels: Tensor) -> Tensor:
        images = normalised(pixels[:, :3], self.settings)
        if self.settings.get("windowed"):
            return torch.cat(
                [
                    _weighted(one, pixels[:, 3:])
                    for one in self.backbone.get_submodule("backbone")(images)
                ],
                dim=1,
            )
        features: Tensor = self.backbone(images)
        return features


def _weighted(maps: Tensor, window: Tensor) -> Tensor:
    """(n, channels): the mean of maps (n, channels, h, w), weighted by windows (n, 1, H, W)."""
    shares = adaptive_avg_pool2d(window.float(), (maps.shape[-2], maps.shape[-1]))
    shares = shares / shares.sum((2, 3), keepdim=True).clamp_min(1e-6)
    return (maps * shares).sum((2, 3))


def read_encoder(settings: Mapping[str, Any], folder: Path) -> Encoder:
    """Return the encoder of a submission's folder, ready to serve.

    settings: as `Encoder`, and `weights`, the path of what training made; a base network that
    training did not change has no such entry.

    Raises FileNotFoundError; RuntimeError or ValueError where weights are of another network.
    """
    encoder, base = Encoder(settings), base_path(folder, settings)
    if "weights" in settings:
        return with_weights(encoder, folder / str(settings["weights"]), base)
    if base is None:
        raise ValueError("expected `weights` or `base` in the encoder's settings, found neither")
    read_base(encoder, base)
    return encoder.eval()


class ServedEncoder:
    """Boxes of frames -> features, a batch as one tensor."""

    def __init__(self, encoder: Encoder) -> None:
        self.features = encoder.features
        self._size = int(encoder.settings["image_size"])
        self._margin = float(encoder.settings["margin"])
        self._network = ServedNetwork(encoder)

    def crops(self, frame: Image.Image, boxes: Sequence[BoxOfPixels], grey: bool) -> Pixels:
        """Return (boxes, size, size, 4) bytes of an RGB frame: RGB, or grey, and the window.

        Thread-safe. Raises ValueError for a box outside the frame.
        """
        rows = np.zeros((len(boxes), self._size, self._size, 4), dtype=np.uint8)
        for row, box in zip(rows, boxes, strict=True):
            square = crop_square(frame, box, self._size, self._margin)
            row[..., :3] = in_grey(square) if grey else square
            row[..., 3] = box_window(box, self._size, self._margin, WINDOW)
        return rows

    def of_crops(self, crops: Pixels, batch: int = 256) -> Features:
        """Return (n, features) of crops (n, size, size, 4)."""
        rows = [np.zeros((0, self.features))]
        for start in range(0, len(crops), batch):
            pixels = torch.from_numpy(crops[start : start + batch]).movedim(-1, 1)
            rows.append(self._network(pixels).double().numpy())
        return np.concatenate(rows)
