"""Hybrid score from the wing pattern: does it lie between the known subspecies? (README.md)"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wildlife_submission.manifest import check_weights
from wildlife_wings.pattern_features import image_pattern_map
from wildlife_wings.pattern_geometry import EVIDENCE, ClassGeometry, from_arrays

Array = NDArray[np.float64]
HERE = Path(__file__).resolve().parent


class Model:
    """`load()` once; then `predict(image)`, or `preprocess` in threads and `predict_batch`."""

    def __init__(self) -> None:
        self._geometry: ClassGeometry | None = None

    def load(self) -> None:
        """Read config.json and the arrays next to this file.

        Raises FileNotFoundError for a missing file, with what weights.json says made it.
        """
        check_weights(HERE)
        config = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
        with np.load(HERE / config["weights"], allow_pickle=False) as arrays:
            self._geometry = from_arrays(arrays, tuple(config["grid"]))
        score = config["score"]
        self._weights = np.array([score["weights"][name] for name in EVIDENCE])
        self._scale = np.array([score["scale"][name] for name in EVIDENCE])
        self._centre = np.array([score["centre"][name] for name in EVIDENCE])

    def preprocess(self, image: Image.Image) -> Array:
        """Return the (18, 12, 7) map of any PIL image. Thread-safe; JPEGs are decoded smaller."""
        return image_pattern_map(image)

    def predict_batch(self, batch: list[Array]) -> list[float]:
        """Return the log-odds of a hybrid for each map, not squeezed: rounding keeps the ranks."""
        # Row by row: all of it costs a hundredth of `preprocess` (benchmarks/serving.py).
        return [self._score(pattern) for pattern in batch]

    def predict(self, image: Image.Image) -> float:
        return self.predict_batch([self.preprocess(image)])[0]

    def _score(self, pattern: Array) -> float:
        if self._geometry is None:
            raise RuntimeError("Model.load() has to be called before predicting")
        evidence = (self._geometry.evidence(pattern) - self._centre) / self._scale
        return round(float((evidence * self._weights).sum()), 4)
