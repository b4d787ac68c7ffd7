"""Which individual is it? The nearest image by cosine of MegaDescriptor embeddings (README.md)"""

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
from wildlife_reid.swin import describe, swin_descriptor


@dataclass(frozen=True)
class Query(PreparedImage):
    """An image as the network sees it: pixels (3, size, size)."""

    pixels: Tensor


class Model(RetrievalModel[Query]):
    """`load()` once; then `predict(image, metadata)`, or `preprocess` in threads and batches."""

    folder = Path(__file__).resolve().parent

    def read(self, config: Mapping[str, Any], arrays: Arrays) -> None:
        """Read the network, and the embeddings (images, d) of the gallery."""
        self._settings = config["network"]
        self._embeddings = arrays["embeddings"].astype(np.float64)
        self.check_rows(embeddings=len(self._embeddings))
        self._landmarks = read_landmark_network(self.folder, self._settings)
        network = swin_descriptor(self._settings)
        self._network = with_weights(network, self.folder / config["weights"])

    def prepare(self, image: Image.Image, row: Mapping[str, str]) -> Query:
        """Bring the animal into one pose, and its pixels to what the network expects."""
        return Query(self.dataset_of(row), network_input(image, self._settings, self._landmarks))

    def scores(self, query: Query, rows: NDArray[np.intp]) -> Scores:
        """Return (rows,): the cosine with each image of the gallery."""
        vector = describe(self._network, query.pixels).numpy()
        return np.asarray((self._embeddings[rows] * vector).sum(axis=1))
