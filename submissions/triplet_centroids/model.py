"""Which individual is it? The nearest centroid of embeddings learned from triplets (README.md)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wildlife_reid.embedding_model import EmbeddingModel, PreparedPixels
from wildlife_reid.retrieval_model import Arrays, Scores
from wildlife_reid.triplet import TripletNetwork, embed


class Model(EmbeddingModel):
    def read(self, config: Mapping[str, Any], arrays: Arrays) -> None:
        """Read the network, and the centroids (individuals, d) of the gallery."""
        self._centroids = arrays["centroids"].astype(np.float64)
        self.check_rows(centroids=len(self._centroids))
        self._network = self.read_network(config, TripletNetwork(config["network"]))

    def scores(self, query: PreparedPixels, rows: NDArray[np.intp]) -> Scores:
        """Return (rows,): minus the Euclidean distance to each individual's centroid."""
        vector = embed(self._network, query.pixels).double().numpy()
        return np.asarray(-np.sqrt(((self._centroids[rows] - vector) ** 2).sum(axis=1)))
