"""Which individual is it? Retrieval and a classifier, and whether they agree (README.md)"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from wildlife_backbone.features import base_path
from wildlife_reid.agreement import agreed, confidence, per_individual
from wildlife_reid.alignment import network_input, read_landmark_network
from wildlife_reid.calibration import from_json
from wildlife_reid.identity_classifier import identity_classifier, logits
from wildlife_reid.networks import with_weights
from wildlife_reid.open_set import of_dataset
from wildlife_reid.retrieval_model import Arrays, PreparedImage, RetrievalModel, Scores
from wildlife_reid.served_image import longest_side, served_image
from wildlife_reid.swin import describe, swin_descriptor


@dataclass(frozen=True)
class Query(PreparedImage):
    """An image as the two networks see it: pixels (3, size, size) for each."""

    descriptor: Tensor
    classifier: Tensor


class Model(RetrievalModel[Query]):
    def read(self, config: Mapping[str, Any], arrays: Arrays) -> None:
        """Read both networks, their calibrations, and the gallery's embeddings (images, d)."""
        self._config = config
        self._embeddings = arrays["embeddings"].astype(np.float64)
        self._classes = arrays["classes"].astype(np.str_)
        self.check_rows(embeddings=len(self._embeddings))
        self._landmarks = read_landmark_network(self.folder, config["network"])
        descriptor = swin_descriptor(config["network"])
        base = base_path(self.folder, config["network"])
        self._descriptor = with_weights(descriptor, self.folder / config["weights"], base)
        classifier = identity_classifier(config["classifier"], len(self._classes))
        self._classifier = with_weights(classifier, self.folder / config["classifier_weights"])
        self._curves = {
            dataset: (from_json(curves["retrieval"]), from_json(curves["classifier"]))
            for dataset, curves in config["calibrations"].items()
        }

    def prepare(self, image: Image.Image, row: Mapping[str, str]) -> Query:
        """Bring the animal into one pose, and its pixels to what each network expects."""
        settings = [self._config["network"], self._config["classifier"]]
        rgb = served_image(image, longest_side(*(int(one["image_size"]) for one in settings)))
        descriptor, classifier = (network_input(rgb, one, self._landmarks) for one in settings)
        return Query(self.dataset_of(row), descriptor, classifier)

    def scores(self, query: Query, rows: NDArray[np.intp]) -> Scores:
        """Return (rows,): each image of the gallery has the score of its individual."""
        names, code = np.unique(self.gallery.identity[rows], return_inverse=True)
        vector = np.nan_to_num(describe(self._descriptor, query.descriptor).numpy())
        cosine = (self._embeddings[rows] * vector).sum(axis=1)
        sure = confidence(logits(self._classifier, query.classifier), self._classes, names)
        retrieval_curve, classifier_curve = of_dataset(self._curves, query.dataset)
        retrieval = retrieval_curve(per_individual(cosine, code, len(names)))
        classified = np.where(sure > 0, classifier_curve(sure), 0.0)
        return agreed(retrieval, classified, self._config["discount"])[code]
