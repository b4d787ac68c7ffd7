"""Which individual is it? Retrieval and a classifier, and whether they agree (README.md)"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from wildlife_image.rgb import to_rgb
from wildlife_reid.agreement import agreed, confidence, per_individual
from wildlife_reid.alignment import DECODED, network_input, read_landmark_network
from wildlife_reid.calibration import from_json
from wildlife_reid.identity_classifier import identity_classifier, logits
from wildlife_reid.open_set import (
    best_individuals,
    candidates,
    check_thresholds,
    decide,
    read_gallery,
)
from wildlife_reid.swin import describe, swin_descriptor

HERE = Path(__file__).resolve().parent
POOLED = ""  # the calibrations over all datasets, for a query whose dataset is not known
MEND = "make it with `python -m training.reid.megadescriptor_convnext`"


@dataclass(frozen=True)
class Query:
    """Pixels for the two networks, (3, side, side) each, and the dataset or None."""

    descriptor: Tensor
    classifier: Tensor
    dataset: str | None


class Model:
    """`load()` once; then `predict(image, metadata)`, or `preprocess` in threads and batches."""

    def __init__(self) -> None:
        self._config: dict[str, Any] | None = None
        # The batch that was answered last and its scores, for `explain_batch`.
        self._last: tuple[list[Query], list[NDArray[np.float64]]] = ([], [])

    def load(self) -> None:
        """Read config.json, both networks and the gallery beside this file.

        Raises FileNotFoundError or ValueError with the file and the command that makes it.
        """
        config = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
        paths = [HERE / config[name] for name in ("gallery", "weights", "classifier_weights")]
        if missing := [str(path) for path in paths if not path.is_file()]:
            raise FileNotFoundError(f"{', '.join(missing)} not there: {MEND}")
        try:
            self._gallery, arrays = read_gallery(paths[0])
            self._embedding = arrays["embedding"].astype(np.float64)
            self._classes = arrays["classes"].astype(np.str_)
            check_thresholds(self._gallery, config["thresholds"])
            if len(self._embedding) != len(self._gallery):
                raise ValueError(f"{len(self._embedding)} embeddings, {len(self._gallery)} labels")
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"{paths[0]} and config.json: {error!r}: {MEND}") from error
        self._landmarks = read_landmark_network(HERE, config["network"])
        self._network = _loaded(swin_descriptor(config["network"]), paths[1])
        classifier = identity_classifier(config["classifier"], len(self._classes))
        self._classifier = _loaded(classifier, paths[2])
        self._curves = {
            dataset: (from_json(curves["retrieval"]), from_json(curves["classifier"]))
            for dataset, curves in config["calibrations"].items()
        }
        self._config = config

    def preprocess(self, image: Image.Image, metadata: Mapping[str, str] | None = None) -> Query:
        """Any PIL image, and its row of metadata.csv. Thread-safe."""
        config = self._ready()
        sides = [int(config[name]["side"]) for name in ("network", "classifier")]
        decoded = max(DECODED, 2 * max(sides))
        rgb = to_rgb(image, decoded)
        return Query(
            network_input(rgb, config["network"], self._landmarks),
            network_input(rgb, config["classifier"], self._landmarks),
            (metadata or {}).get("dataset") or None,
        )

    def predict_batch(self, batch: list[Query]) -> list[str]:
        """An individual or `new_individual` for each."""
        config = self._ready()
        # Picture by picture, so that an answer does not depend on its neighbours.
        scores = [self._scores(query) for query in batch]
        self._last = (batch, scores)
        return [
            decide(row, self._gallery, config["thresholds"], query.dataset)
            for query, row in zip(batch, scores, strict=True)
        ]

    def predict(self, image: Image.Image, metadata: Mapping[str, str] | None = None) -> str:
        return self.predict_batch([self.preprocess(image, metadata)])[0]

    def explain_batch(self, batch: list[Query]) -> list[list[tuple[str, float]]]:
        """For each picture the most alike individuals, best first, with their scores."""
        last, scores = self._last
        if last is not batch:
            scores = [self._scores(query) for query in batch]
        return [
            best_individuals(row, self._gallery, query.dataset)
            for query, row in zip(batch, scores, strict=True)
        ]

    def _scores(self, query: Query) -> NDArray[np.float64]:
        """(g,): each picture has the score of its individual; -inf in other datasets."""
        config = self._ready()
        found = np.full(len(self._gallery), -np.inf)
        rows = np.flatnonzero(candidates(self._gallery, query.dataset))
        if not len(rows):
            return found
        names, code = np.unique(self._gallery.identity[rows], return_inverse=True)
        vector = np.nan_to_num(describe(self._network, query.descriptor).numpy())
        cosine = (self._embedding[rows] * vector).sum(axis=1)
        sure = confidence(logits(self._classifier, query.classifier), self._classes, names)
        curves = self._curves.get(query.dataset or POOLED, self._curves[POOLED])
        retrieval = curves[0](per_individual(cosine, code, len(names)))
        classified = np.where(sure > 0, curves[1](sure), 0.0)
        found[rows] = agreed(retrieval, classified, config["discount"])[code]
        return found

    def _ready(self) -> dict[str, Any]:
        if self._config is None:
            raise RuntimeError("Model.load() has to be called before predicting")
        return self._config


def _loaded(network: nn.Module, path: Path) -> nn.Module:
    network.load_state_dict({name: t.float() for name, t in load_file(path).items()})
    return network.eval()
