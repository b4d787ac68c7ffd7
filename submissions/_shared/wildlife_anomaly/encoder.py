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

from wildlife_anomaly.crops import BoxOfPixels, Pixels, crop_square, in_grey
from wildlife_backbone.features import PooledStages, base_path, read_base
from wildlife_image.square import normalised
from wildlife_reid.networks import with_weights
from wildlife_submission.served_network import ServedNetwork

Features = NDArray[np.float64]


class Encoder(nn.Module):
    """(n, 3, size, size) bytes -> (n, features); weights at random.

    settings: `image_size` of the crops in pixels, `margin` around a box (crops.py), `mean` and
    `std` of the input; `architecture`, a name of timm's, whose pooled features are taken, or
    `base`: pooled stages of a base network (wildlife_backbone/features.py).
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
        features: Tensor = self.backbone(normalised(pixels, self.settings))
        return features


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
        """Return (boxes, size, size, 3) bytes of an RGB frame, in grey where set. Thread-safe."""
        empty = np.zeros((0, self._size, self._size, 3), dtype=np.uint8)
        squares = [crop_square(frame, box, self._size, self._margin)[None] for box in boxes]
        joined = np.concatenate([empty, *squares])
        return in_grey(joined) if grey else joined

    def of_crops(self, crops: Pixels, batch: int = 64) -> Features:
        """Return (n, features) of crops (n, size, size, 3)."""
        rows = [np.zeros((0, self.features))]
        for start in range(0, len(crops), batch):
            pixels = torch.from_numpy(crops[start : start + batch]).movedim(-1, 1)
            rows.append(self._network(pixels).double().numpy())
        return np.concatenate(rows)
