"""Which individual is it? The nearest image by cosine of MegaDescriptor embeddings (README.md)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wildlife_reid.embedding_model import EmbeddingModel, PreparedPixels
from wildlife_reid.retrieval_model import Arrays, Scores
from wildlife_reid.swin import describe, swin_descriptor


class Model(EmbeddingModel):
    def read(self, config: Mapping[str, Any], arrays: Arrays) -> None:
        """Read the network, and the embeddings (images, d) of the gallery."""
        self._embeddings = arrays["embeddings"].astype(np.float64)
        self.check_rows(embeddings=len(self._embeddings))
        self._network = self.read_network(config, swin_descriptor(config["network"]))

    def scores(self, query: PreparedPixels, rows: NDArray[np.intp]) -> Scores:
        """Return (rows,): the cosine with each image of the gallery."""
        vector = describe(self._network, query.pixels).numpy()
        return np.asarray((self._embeddings[rows] * vector).sum(axis=1))
