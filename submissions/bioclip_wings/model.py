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
from wildlife_wings.clip_scores import FeatureStatistics, combined, parts
from wildlife_wings.clip_tower import read_folder, read_head, read_tower
from wildlife_wings.clip_views import WingViews, normalised, precision
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
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._type = precision(config["preprocessing"])
        tower, features = read_any_tower(config)
        self._tower = tower.to(self._device, self._type)
        head = read_head(HERE / config["head"], features, len(classes))
        self._head = head.to(self._device, self._type)
        self._statistics = read_statistics(HERE / config["statistics"])
        self._views = WingViews(HERE / config["wing_network"], config["preprocessing"])

    def preprocess(self, image: Image.Image) -> Tensor:
        """Return the views (v, 3, h, w) of any PIL image as bytes, wings on white. Thread-safe."""
        views: Tensor = self._ready()(image)
        return views

    def predict_batch(self, batch: list[Tensor]) -> list[float]:
        """Return a score for each image, on a log-odds scale, so that rounding keeps ranks."""
        self._ready()
        # Image by image: a matrix product's last digits depend on how many rows it has.
        return [round(combined(self.parts(views), self._weights), 4) for views in batch]

    def predict(self, image: Image.Image) -> float:
        return self.predict_batch([self.preprocess(image)])[0]

    @torch.inference_mode()
    def parts(self, views: Tensor) -> dict[str, float]:
        """Return every part of a score (clip_scores.PARTS) for one image's views."""
        pixels = normalised(views.to(self._device), self._config["preprocessing"]).to(self._type)
        feature = image_feature(self._tower(pixels), self._config["normalise_features"])
        logits = self._head(feature)
        values: dict[str, float] = parts(
            _float64(logits), _float64(feature), self._hybrid, self._statistics
        )
        return values

    def _ready(self) -> WingViews:
        if self._views is None:
            raise RuntimeError("Model.load() has to be called before predicting")
        return self._views


def image_feature(views: Tensor, normalise: bool) -> Tensor:
    """Return the mean (d,) of the features (v, d) of an image's views, normalised before if set."""
    return (normalize(views, dim=-1) if normalise else views).mean(dim=0)


def read_any_tower(config: dict[str, Any]) -> tuple[nn.Module, int]:
    """Return the tower and the number of its features: open_clip's, or EfficientNet-Lite."""
    tower = config["tower"]
    if "base" in tower:
        lite = LiteTower(tower, HERE / tower["base"])
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


def _float64(values: Tensor) -> np.ndarray[Any, np.dtype[np.float64]]:
    return values.double().cpu().numpy()
