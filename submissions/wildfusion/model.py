"""Which individual is it? Calibrated fusion of a global descriptor and local matches (README.md)"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wildlife_reid.open_set import best_individuals, decide
from wildlife_reid.pipelines import Query, WildFusion, read_wildfusion

HERE = Path(__file__).resolve().parent


class Model:
    """`load()` once; then `predict(image, metadata)`, or `preprocess` in threads and batches."""

    def __init__(self) -> None:
        self._fusion: WildFusion | None = None
        # The batch that was answered last and its scores, for `explain_batch`.
        self._last: tuple[list[Query], list[NDArray[np.float64]]] = ([], [])

    def load(self) -> None:
        """Read config.json, the network and the gallery beside this file."""
        config = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
        self._thresholds: dict[str, float] = config["thresholds"]
        self._fusion = read_wildfusion(HERE, config)

    def preprocess(self, image: Image.Image, metadata: Mapping[str, str] | None = None) -> Query:
        """Pixels for the network and local features; thread-safe, and most of the work."""
        dataset = (metadata or {}).get("dataset") or None
        return self._loaded().prepare(image, dataset)

    def predict_batch(self, batch: list[Query]) -> list[str]:
        """An identity or `new_individual` for each."""
        fusion = self._loaded()
        # Picture by picture, so that an answer does not depend on its neighbours.
        scores = [fusion.scores(query) for query in batch]
        self._last = (batch, scores)
        return [
            decide(row, fusion.gallery, self._thresholds, query.dataset)
            for query, row in zip(batch, scores, strict=True)
        ]

    def predict(self, image: Image.Image, metadata: Mapping[str, str] | None = None) -> str:
        return self.predict_batch([self.preprocess(image, metadata)])[0]

    def explain_batch(self, batch: list[Query]) -> list[list[tuple[str, float]]]:
        """For each picture the most alike individuals, best first, with their scores."""
        fusion = self._loaded()
        last, scores = self._last
        if last is not batch:
            scores = [fusion.scores(query) for query in batch]
        return [
            best_individuals(row, fusion.gallery, query.dataset)
            for query, row in zip(batch, scores, strict=True)
        ]

    def _loaded(self) -> WildFusion:
        if self._fusion is None:
            raise RuntimeError("Model.load() has to be called before predicting")
        return self._fusion
