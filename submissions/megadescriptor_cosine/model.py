"""Which individual is it? The nearest image by cosine of MegaDescriptor embeddings (README.md)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wildlife_reid.embedding_model import EmbeddingModel, PreparedPixels
from wildlife_reid.retrieval_model import Arrays, Rows, Scores
from wildlife_reid.swin import swin_descriptor, unit_rows


class Model(EmbeddingModel):
    def read(self, config: Mapping[str, Any], arrays: Arrays) -> None:
        """Read the network, and the embeddings (images, d) of the gallery."""
        self._embeddings = arrays["embeddings"].astype(np.float64)
        self.check_rows(embeddings=len(self._embeddings))
        self._network = self.read_network(config, swin_descriptor(config["network"]))

    def scores_of_batch(
        self, batch: Sequence[PreparedPixels], rows: Sequence[Rows]
    ) -> list[Scores]:
        """Return (rows,) each: the cosine with each image of the gallery."""
        cosine = self.embed_batch(batch) @ self._embeddings.T
        return [values[own] for values, own in zip(cosine, rows, strict=True)]

    def embed_batch(self, batch: Sequence[PreparedPixels]) -> NDArray[np.float32]:
        """Return (n, d): the embedding of each image, of length 1 (`kit predict --features`)."""
        embeddings = unit_rows(self._network([query.pixels for query in batch]))
        return np.asarray(embeddings.numpy())
