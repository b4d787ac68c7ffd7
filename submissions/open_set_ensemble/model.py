"""Which individual is it? All evidence for each individual, weighed per dataset (README.md)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from wildlife_reid import evidence as ev
from wildlife_reid.joint_embedding import JointEmbedding, components_of
from wildlife_reid.local import gallery as local_gallery
from wildlife_reid.local.features import LocalFeatures, LocalSettings, local_features
from wildlife_reid.local.matching import MatchSettings
from wildlife_reid.open_set import of_dataset
from wildlife_reid.retrieval_model import Arrays, PreparedImage, RetrievalModel, Rows, Scores
from wildlife_reid.served_image import longest_side, served_image
from wildlife_submission.in_threads import in_threads


@dataclass(frozen=True)
class Query(PreparedImage):
    """Squares (3, s, s) for each network, local features, and the viewpoint ("" = unknown)."""

    pixels: list[Tensor]
    local: LocalFeatures
    viewpoint: str


class Model(RetrievalModel[Query]):
    def read(self, config: Mapping[str, Any], arrays: Arrays) -> None:
        """Read the networks, and embedding, local features and viewpoint of each gallery image."""
        self._config = config
        self._local = local_gallery.from_arrays(arrays)
        self._viewpoint = arrays["orientation"].astype(np.str_)
        self._embeddings = arrays["embeddings"].astype(np.float64)
        self.check_rows(
            local=len(self._local),
            orientation=len(self._viewpoint),
            embeddings=len(self._embeddings),
        )
        self._networks = JointEmbedding(config["networks"], self.folder, components_of(arrays))
        self._features = LocalSettings(**config["local"]["features"])
        self._match = MatchSettings(**config["local"]["match"])

    def prepare(self, image: Image.Image, row: Mapping[str, str]) -> Query:
        """Read the image into squares for the networks, and find its local features."""
        sizes = self._features.image_size, *self._networks.sizes
        rgb = served_image(image, longest_side(*sizes))
        pixels, local = self._networks.pixels(rgb), local_features(rgb, self._features)
        return Query(self.dataset_of(row), pixels, local, (row.get("orientation") or "").strip())

    def scores_of_batch(self, batch: Sequence[Query], rows: Sequence[Rows]) -> list[Scores]:
        """Return (rows,) each: the log-odds of each gallery image's individual."""
        cosine = self._networks.embed([query.pixels for query in batch]) @ self._embeddings.T
        return in_threads(self._log_odds, zip(batch, cosine, rows, strict=True))

    def _log_odds(self, compared: tuple[Query, Scores, Rows]) -> Scores:
        query, cosine, rows = compared[0], compared[1][compared[2]], compared[2]
        _, code = np.unique(self.gallery.identity[rows], return_inverse=True)
        maxima = ev.key_point_maxima(query.local, self._local, rows)
        images, neighbours = ev.above_background(maxima, code)
        chosen = ev.shortlisted(images, cosine, self._config["shortlist"])
        verified = ev.verified_at(query.local, self._local, rows, chosen, self._match)
        other = ev.differs(query.viewpoint, self._viewpoint[rows])
        table = ev.evidence(verified, neighbours, cosine, other, code)
        weights = of_dataset(self._config["evidence"], query.dataset)
        log_odds = table @ np.array(weights["weights"]) + weights["intercept"]
        return np.asarray(log_odds[code])
