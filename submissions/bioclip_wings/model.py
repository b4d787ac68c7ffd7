"""Hybrid score of the wings on white: narrow U-Net, CLIP tower, linear head (README.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import load_file
from torch import Tensor, nn
from torch.nn.functional import normalize

from wildlife_submission.manifest import check_weights
from wildlife_submission.served_network import ServedNetwork, served_batch_size
from wildlife_wings.clip_scores import FeatureStatistics, combined, parts
from wildlife_wings.clip_tower import read_folder, read_head, read_tower
from wildlife_wings.clip_views import Opened, WingViews, normalised
from wildlife_wings.lite_tower import LiteTower

HERE = Path(__file__).resolve().parent
HYBRID = "hybrid"


class Model:
    """`load()` once; then `predict(image)`, or `preprocess` in threads and `predict_batch`."""

    def __init__(self) -> None:
        self._views: WingViews | None = None

    def load(self) -> None:
        """Read config.json and the files that it names.

        Raises FileNotFoundError for a missing file, with what weights.json says made it;
        CheckpointError or ValueError for a file of another network.
        """
        check_weights(HERE)
        config = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
        self._config, classes = config, config["classes"]
        self._hybrid = classes.index(HYBRID) if HYBRID in classes else None
        self._weights: dict[str, float] = config["scores"][config["score"]]
        tower, features = read_any_tower(config)
        self._tower = ServedNetwork(TowerOfViews(tower, config))
        self._head = read_head(HERE / config["head"], features, len(classes))
        self._statistics = read_statistics(HERE / config["statistics"])
        self._views = WingViews(HERE / config["wing_network"], config["preprocessing"])

    @property
    def batch_size(self) -> int:
        """How many images the ingestion program should hand to `predict_batch`."""
        size: int = served_batch_size()
        return size

    def preprocess(self, image: Image.Image) -> Opened:
        """Read any PIL image at the size at which its wings are cut out. Thread-safe."""
        return self._ready().open(image)

    def predict_batch(self, batch: list[Opened]) -> list[float]:
        """Return a score for each image, on a log-odds scale, so that rounding keeps ranks."""
        return [round(combined(parts_, self._weights), 4) for parts_ in self.parts(batch)]

    def predict(self, image: Image.Image) -> float:
        return self.predict_batch([self.preprocess(image)])[0]

    @torch.inference_mode()
    def parts(self, batch: list[Opened]) -> list[dict[str, float]]:
        """Return every part of a score (clip_scores.PARTS) for each image."""
        views = self._ready().cut(batch)
        if not views:
            return []
        features = image_features(
            self._tower(torch.cat(views)), len(views[0]), self._config["normalise_features"]
        )
        logits = self._head(features).double().numpy()
        return [
            parts(row, feature, self._hybrid, self._statistics)
            for row, feature in zip(logits, features.double().numpy(), strict=True)
        ]

    def _ready(self) -> WingViews:
        if self._views is None:
            raise RuntimeError("Model.load() has to be called before predicting")
        return self._views


class TowerOfViews(nn.Module):
    """(n, 3, h, w) of 0..255 -> the tower's features (n, d)."""

    def __init__(self, tower: nn.Module, config: dict[str, Any]) -> None:
        super().__init__()
        self.tower, self.preprocessing = tower, config["preprocessing"]

    def forward(self, views: Tensor) -> Tensor:
        features: Tensor = self.tower(normalised(views, self.preprocessing))
        return features


def image_features(features: Tensor, views: int, normalise: bool) -> Tensor:
    """Return the means (n, d) over the views of each image, normalised before if set.

    features: (n * views, d).
    """
    rows = normalize(features, dim=-1) if normalise else features
    return rows.reshape(-1, views, rows.shape[-1]).mean(dim=1)


def read_any_tower(config: dict[str, Any]) -> tuple[nn.Module, int]:
    """Return the tower and the number of its features: open_clip's, or EfficientNet-Lite."""
    tower = config["tower"]
    if "base" in tower:
        tuned = HERE / tower["tuned"] if "tuned" in tower else None
        lite = LiteTower(tower, HERE / tower["base"]["weights"], tuned)
        return lite, lite.features
    model_cfg, weights = tower_of(config)
    return read_tower(model_cfg, weights), int(model_cfg["embed_dim"])


def tower_of(config: dict[str, Any]) -> tuple[dict[str, Any], Path]:
    """Return the tower's architecture and weights, of config.json or a folder of open_clip's."""
    tower = config["tower"]
    if "folder" in tower:
        folder: tuple[dict[str, Any], Path] = read_folder(HERE / tower["folder"])
        return folder
    return tower["model_cfg"], HERE / tower["weights"]


def read_statistics(path: Path) -> FeatureStatistics:
    """Read the class statistics as float64 (pairs as int64)."""
    arrays = load_file(path)
    pairs = arrays.pop("pairs").astype(np.int64)
    return FeatureStatistics(**{n: a.astype(np.float64) for n, a in arrays.items()}, pairs=pairs)
