"""Which individual is it? Calibrated fusion of a global descriptor and local matches (README.md)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from wildlife_backbone.features import base_path
from wildlife_backbone.networks import with_weights
from wildlife_reid.alignment import AlignedNetwork, read_landmark_network, whole_square
from wildlife_reid.calibration import from_json
from wildlife_reid.embedding_model import PreparedPixels
from wildlife_reid.fusion import GLOBAL, LOCAL, fuse, shortlist
from wildlife_reid.local.pipelines import Features, local_pipeline
from wildlife_reid.open_set import of_dataset
from wildlife_reid.retrieval_model import Arrays, RetrievalModel, Rows, Scores
from wildlife_reid.served_image import longest_side, served_image
from wildlife_reid.swin import swin_descriptor, unit_rows
from wildlife_submission.in_threads import in_threads
from wildlife_submission.served_network import ServedNetwork


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
        landmarks = read_landmark_network(self.folder, self._settings)
        path, base = self.folder / config["weights"], base_path(self.folder, self._settings)
        network = with_weights(swin_descriptor(self._settings), path, base)
        self._network = ServedNetwork(AlignedNetwork(network, self._settings, landmarks))
        self._curves = {
            dataset: {name: from_json(curve) for name, curve in curves.items()}
            for dataset, curves in config["calibrations"].items()
        }

    def prepare(self, image: Image.Image, row: Mapping[str, str]) -> Query:
        """Read the image into a square for the network, and find its local features."""
        sizes = self._local.image_size, int(self._settings["image_size"])
        rgb = served_image(image, longest_side(*sizes))
        pixels = whole_square(rgb, self._settings)
        return Query(self.dataset_of(row), pixels, self._local.features(rgb))

    def scores_of_batch(self, batch: Sequence[Query], rows: Sequence[Rows]) -> list[Scores]:
        """Return (rows,) fused scores each; -inf for images that are not on the shortlist."""
        vectors = unit_rows(self._network([query.pixels for query in batch])).numpy()
        # Zeros are like nothing: where the network gives no number, only local features count.
        similarity = np.nan_to_num(vectors, posinf=0.0, neginf=0.0) @ self._embeddings.T
        return in_threads(self._fused, zip(batch, similarity, rows, strict=True))

    def _fused(self, compared: tuple[Query, Scores, Rows]) -> Scores:
        query, similarity, rows = compared[0], compared[1][compared[2]], compared[2]
        local = np.full(len(rows), np.nan)
        chosen = shortlist(similarity, self._shortlist)
        local[chosen] = self._local.scores(query.local, rows[chosen])
        curves = of_dataset(self._curves, query.dataset)
        return fuse([curves[GLOBAL](similarity), curves[LOCAL](local)])
