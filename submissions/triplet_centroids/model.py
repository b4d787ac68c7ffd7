"""Which individual is it? The nearest centroid of embeddings learned from triplets (README.md)"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from wildlife_reid.alignment import network_input, read_landmark_network
from wildlife_reid.networks import with_weights
from wildlife_reid.retrieval_model import (
    Arrays,
    PreparedImage,
    RetrievalModel,
    Scores,
)
from wildlife_reid.triplet import TripletNetwork, embed


@dataclass(frozen=True)
class Query(PreparedImage):
    """An image as the network sees it: pixels (3, size, size)."""

    pixels: Tensor


class Model(RetrievalModel[Query]):
    """`load()` once; then `predict(image, metadata)`, or `preprocess` in threads and batches."""

    folder = Path(__file__).resolve().parent

    def read(self, config: Mapping[str, Any], arrays: Arrays) -> None:
        """Read the network, and the centroids (individuals, d) of the gallery."""
        self._settings = config["network"]
        self._centroids = arrays["centroids"].astype(np.float64)
        self.check_rows(centroids=len(self._centroids))
        self._landmarks = read_landmark_network(self.folder, self._settings)
        network = TripletNetwork(self._settings)
        self._network = with_weights(network, self.folder / config["weights"])

    def prepare(self, image: Image.Image, row: Mapping[str, str]) -> Query:
        """Bring the animal into one pose, and its pixels to what the network expects."""
        return Query(self.dataset_of(row), network_input(image, self._settings, self._landmarks))

    def scores(self, query: Query, rows: NDArray[np.intp]) -> Scores:
        """Return (rows,): minus the Euclidean distance to each individual's centroid."""
        vector = embed(self._network, query.pixels).double().numpy()
        return np.asarray(-np.sqrt(((self._centroids[rows] - vector) ** 2).sum(axis=1)))
