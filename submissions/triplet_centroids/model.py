"""Which individual is it? The nearest centroid of embeddings learned from triplets (README.md)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wildlife_reid.embedding_model import EmbeddingModel, PreparedPixels
from wildlife_reid.retrieval_model import Arrays, Rows, Scores
from wildlife_reid.triplet import TripletNetwork


class Model(EmbeddingModel):
    def read(self, config: Mapping[str, Any], arrays: Arrays) -> None:
        """Read the network, and the centroids (individuals, d) of the gallery."""
        self._centroids = arrays["centroids"].astype(np.float64)
        self.check_rows(centroids=len(self._centroids))
        self._network = self.read_network(config, TripletNetwork(config["network"]))

    def scores_of_batch(
        self, batch: Sequence[PreparedPixels], rows: Sequence[Rows]
    ) -> list[Scores]:
        """Return (rows,) each: minus the Euclidean distance to each individual's centroid."""
        vectors = self.embed_batch(batch).astype(np.float64)
        return [
            -np.sqrt(((self._centroids[own] - vector) ** 2).sum(axis=1))
            for vector, own in zip(vectors, rows, strict=True)
        ]

    def embed_batch(self, batch: Sequence[PreparedPixels]) -> NDArray[np.float32]:
        """Return (n, d): the embedding of each image (`kit predict --features`)."""
        return np.asarray(self._network([query.pixels for query in batch]).numpy())
