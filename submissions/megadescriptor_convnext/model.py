"""Which individual is it? Retrieval and a classifier, and whether they agree (README.md)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from wildlife_backbone.features import base_path
from wildlife_backbone.networks import with_weights
from wildlife_reid.agreement import agreed, confidence, per_individual
from wildlife_reid.alignment import AlignedNetwork, read_landmark_network, whole_square
from wildlife_reid.calibration import from_json
from wildlife_reid.identity_classifier import identity_classifier
from wildlife_reid.open_set import of_dataset
from wildlife_reid.retrieval_model import Arrays, PreparedImage, RetrievalModel, Rows, Scores
from wildlife_reid.served_image import longest_side, served_image
from wildlife_reid.swin import swin_descriptor, unit_rows
from wildlife_submission.served_network import ServedNetwork


@dataclass(frozen=True)
class Query(PreparedImage):
    """An image as the two networks take it: (3, s, s) of `whole_square` for each."""

    descriptor: Tensor
    classifier: Tensor


class Model(RetrievalModel[Query]):
    def read(self, config: Mapping[str, Any], arrays: Arrays) -> None:
        """Read both networks, their calibrations, and the gallery's embeddings (images, d)."""
        self._config = config
        # Both networks see the animal that one landmark network found.
        landmarked = {"landmarks": config["network"].get("landmarks")}
        self._settings = [config["network"], {**config["classifier"], **landmarked}]
        self._embeddings = arrays["embeddings"].astype(np.float64)
        self._classes = arrays["classes"].astype(np.str_)
        self.check_rows(embeddings=len(self._embeddings))
        landmarks = read_landmark_network(self.folder, config["network"])
        descriptor = swin_descriptor(config["network"])
        base = base_path(self.folder, config["network"])
        descriptor = with_weights(descriptor, self.folder / config["weights"], base)
        descriptor = AlignedNetwork(descriptor, config["network"], landmarks)
        self._descriptor = ServedNetwork(descriptor)
        classifier = identity_classifier(config["classifier"], len(self._classes))
        classifier = with_weights(classifier, self.folder / config["classifier_weights"])
        classifier = AlignedNetwork(classifier, config["classifier"], landmarks)
        self._classifier = ServedNetwork(classifier)
        self._curves = {
            dataset: (from_json(curves["retrieval"]), from_json(curves["classifier"]))
            for dataset, curves in config["calibrations"].items()
        }

    def prepare(self, image: Image.Image, row: Mapping[str, str]) -> Query:
        """Read the image into the square that each network takes."""
        settings = self._settings
        rgb = served_image(image, longest_side(*(int(one["image_size"]) for one in settings)))
        descriptor, classifier = (whole_square(rgb, one) for one in settings)
        return Query(self.dataset_of(row), descriptor, classifier)

    def scores_of_batch(self, batch: Sequence[Query], rows: Sequence[Rows]) -> list[Scores]:
        """Return (rows,) each: each image of the gallery has the score of its individual."""
        vectors = unit_rows(self._descriptor([query.descriptor for query in batch])).numpy()
        cosine = np.nan_to_num(vectors) @ self._embeddings.T
        logits = self._classifier([query.classifier for query in batch]).double().numpy()
        return [
            self._scores(query.dataset, cosine[row, own], logits[row], own)
            for row, (query, own) in enumerate(zip(batch, rows, strict=True))
        ]

    def _scores(self, dataset: str | None, cosine: Scores, logits: Scores, rows: Rows) -> Scores:
        names, code = np.unique(self.gallery.identity[rows], return_inverse=True)
        sure = confidence(logits, self._classes, names)
        retrieval_curve, classifier_curve = of_dataset(self._curves, dataset)
        retrieval = retrieval_curve(per_individual(cosine, code, len(names)))
        classified = np.where(sure > 0, classifier_curve(sure), 0.0)
        return agreed(retrieval, classified, self._config["discount"])[code]
