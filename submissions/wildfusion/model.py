"""Which individual is it? Calibrated fusion of a global descriptor and local matches (README.md)"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wildlife_backbone.features import base_path
from wildlife_reid.alignment import network_input, read_landmark_network
from wildlife_reid.calibration import from_json
from wildlife_reid.embedding_model import PreparedPixels
from wildlife_reid.fusion import GLOBAL, LOCAL, fuse, shortlist
from wildlife_reid.local.pipelines import Features, local_pipeline
from wildlife_reid.networks import with_weights
from wildlife_reid.open_set import of_dataset
from wildlife_reid.retrieval_model import Arrays, RetrievalModel, Scores
from wildlife_reid.served_image import longest_side, served_image
from wildlife_reid.swin import describe, swin_descriptor


@dataclass(frozen=True)
class Query(PreparedPixels):
    """An image as the network sees it, and its local features."""

    local: Features


class Model(RetrievalModel[Query]):
    def read(self, config: Mapping[str, Any], arrays: Arrays) -> None:
        """Read the network, calibrations, and embedding and local features of the gallery."""
        self._settings, self._shortlist = config["network"], int(config["shortlist"])
        self._embeddings = arrays["embeddings"].astype(np.float64)
        if not np.isfinite(self._embeddings).all():
            raise ValueError("some embeddings of the gallery are not finite")
        self._local = local_pipeline(config["local"], arrays, self.folder)
        rows = len(self._local.gallery)
        self.check_rows(embeddings=len(self._embeddings), local=rows)
        self._landmarks = read_landmark_network(self.folder, self._settings)
        network = swin_descriptor(self._settings)
        base = base_path(self.folder, self._settings)
        self._network = with_weights(network, self.folder / config["weights"], base)
        self._curves = {
            dataset: {name: from_json(curve) for name, curve in curves.items()}
            for dataset, curves in config["calibrations"].items()
        }

    def prepare(self, image: Image.Image, row: Mapping[str, str]) -> Query:
        """Bring the animal into one pose for the network, and find its local features."""
        sizes = self._local.image_size, int(self._settings["image_size"])
        rgb = served_image(image, longest_side(*sizes))
        pixels = network_input(rgb, self._settings, self._landmarks)
        return Query(self.dataset_of(row), pixels, self._local.features(rgb))

    def scores(self, query: Query, rows: NDArray[np.intp]) -> Scores:
        """Return (rows,) fused scores; -inf for images that are not on the shortlist."""
        vector = describe(self._network, query.pixels).numpy()
        # Zeros are like nothing: where the network gives no number, only local features count.
        vector = np.nan_to_num(vector, posinf=0.0, neginf=0.0)
        similarity = self._embeddings[rows] @ vector
        local = np.full(len(rows), np.nan)
        chosen = shortlist(similarity, self._shortlist)
        local[chosen] = self._local.scores(query.local, rows[chosen])
        curves = of_dataset(self._curves, query.dataset)
        return fuse([curves[GLOBAL](similarity), curves[LOCAL](local)])
