"""Which individual is it? The nearest centroid of embeddings learned from triplets (README.md)"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from wildlife_reid.alignment import network_input, read_landmark_network
from wildlife_reid.open_set import best_individuals, check_thresholds, decide, read_gallery
from wildlife_reid.triplet import TripletNetwork, embed

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Query:
    """pixels (3, side, side), and the dataset that metadata.csv names, or None."""

    pixels: Tensor
    dataset: str | None


class Model:
    """`load()` once; then `predict(image, metadata)`, or `preprocess` in threads and batches."""

    def __init__(self) -> None:
        self._network: TripletNetwork | None = None
        # The batch that was answered last and its scores, for `explain_batch`.
        self._last: tuple[list[Query], list[NDArray[np.float64]]] = ([], [])

    def load(self) -> None:
        """Read config.json, the network and the centroids beside this file.

        Raises FileNotFoundError with the command that makes a missing file.
        """
        config = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
        weights, gallery = HERE / config["weights"], HERE / config["gallery"]
        if missing := [str(path) for path in (weights, gallery) if not path.is_file()]:
            made = "python -m training.reid.triplet_centroids"
            raise FileNotFoundError(f"{', '.join(missing)} not there: make them with {made}")
        self._settings = config["network"]
        self._thresholds: dict[str, float] = config["thresholds"]
        self._gallery, arrays = read_gallery(gallery)
        check_thresholds(self._gallery, self._thresholds)
        self._centroids = arrays["centroids"].astype(np.float64)  # (individuals, width)
        network = TripletNetwork(self._settings)
        network.load_state_dict({name: t.float() for name, t in load_file(weights).items()})
        self._landmarks = read_landmark_network(HERE, self._settings)
        self._network = network.eval()

    def preprocess(self, image: Image.Image, metadata: Mapping[str, str] | None = None) -> Query:
        """Any PIL image, and its row of metadata.csv. Thread-safe."""
        dataset = (metadata or {}).get("dataset") or None
        return Query(network_input(image, self._loaded_settings(), self._landmarks), dataset)

    def predict_batch(self, batch: list[Query]) -> list[str]:
        """An individual or `new_individual` for each."""
        self._last = (batch, [self._scores(query) for query in batch])
        return [
            decide(scores, self._gallery, self._thresholds, query.dataset)
            for query, scores in zip(*self._last, strict=True)
        ]

    def predict(self, image: Image.Image, metadata: Mapping[str, str] | None = None) -> str:
        return self.predict_batch([self.preprocess(image, metadata)])[0]

    def explain_batch(self, batch: list[Query]) -> list[list[tuple[str, float]]]:
        """The most alike individuals of each picture of the batch that was answered last."""
        last, scores = self._last
        if last is not batch:
            scores = [self._scores(query) for query in batch]
        return [
            best_individuals(row, self._gallery, query.dataset)
            for query, row in zip(batch, scores, strict=True)
        ]

    def _scores(self, query: Query) -> NDArray[np.float64]:
        """(individuals,): minus the Euclidean distance to each centroid; NaN where not finite."""
        self._loaded_settings()
        assert self._network is not None
        vector = embed(self._network, query.pixels).double().numpy()
        scores: NDArray[np.float64] = -np.sqrt(((self._centroids - vector) ** 2).sum(axis=1))
        return scores

    def _loaded_settings(self) -> dict[str, object]:
        if self._network is None:
            raise RuntimeError("Model.load() has to be called before predicting")
        settings: dict[str, object] = self._settings
        return settings
