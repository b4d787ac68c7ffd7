"""Hybrid score from DINOv2 features, a calibrated linear classifier and an MLP. (README.md)"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from wildlife_submission.manifest import check_weights
from wildlife_submission.served_network import served_batch_size
from wildlife_wings.dinov2_backbone import Backbone, read_backbone
from wildlife_wings.dinov2_heads import CalibratedLinear, HybridMLP, combined, read_heads
from wildlife_wings.dinov2_pixels import Pixels, square_pixels
from wildlife_wings.lite_features import LiteFeatures

HERE = Path(__file__).resolve().parent


class Model:
    """`load()` once; then `predict(image)`, or `preprocess` in threads and `predict_batch`."""

    def __init__(self) -> None:
        self._backbone: Backbone | LiteFeatures | None = None
        self._mlp: HybridMLP
        self._linear: CalibratedLinear

    def load(self) -> None:
        """Read config.json and weights/.

        Raises FileNotFoundError for a missing file, with what weights.json says made it; ValueError
        where the weights are of another architecture than config.json says.
        """
        check_weights(HERE)
        config = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
        self._preprocessing = config["preprocessing"]
        self._score_name = config["score"]
        backbone = self._read_backbone(config)
        with np.load(HERE / config["heads"], allow_pickle=False) as arrays:
            self._mlp, self._linear = read_heads(arrays, backbone.features, config["mlp_widths"])
        self._backbone = backbone

    @property
    def batch_size(self) -> int:
        """How many images the ingestion program should hand to `predict_batch`."""
        size: int = served_batch_size()
        return size

    def _read_backbone(self, config: dict[str, Any]) -> Backbone | LiteFeatures:
        """Read the folder of a DINOv2 backbone, or EfficientNet-Lite with its settings."""
        given = config["backbone"]
        if isinstance(given, str):
            return read_backbone(HERE / given, self._preprocessing)
        return LiteFeatures(given, HERE / given["base"]["weights"], self._preprocessing)

    def preprocess(self, image: Image.Image) -> Pixels:
        """Return (size, size, 3) bytes of any PIL image. Thread-safe; JPEGs are decoded smaller."""
        return square_pixels(image, self._preprocessing)

    def predict_batch(self, batch: list[Pixels]) -> list[float]:
        """Return for each image the log-odds of the larger hybrid probability, 4 decimals."""
        if self._backbone is None:
            raise RuntimeError("Model.load() has to be called before predicting")
        if not batch:
            return []
        features = self._backbone.of_pixels(np.stack(batch)).astype(np.float64)
        with torch.inference_mode():
            logits = self._mlp(torch.from_numpy(features)).numpy()
        return [
            round(combined(self._score_name, hybrid - other, self._linear.log_odds(row)), 4)
            for row, (other, hybrid) in zip(features, logits.tolist(), strict=True)
        ]

    def predict(self, image: Image.Image) -> float:
        return self.predict_batch([self.preprocess(image)])[0]
