"""The common part of each `Model` that compares an image with a gallery of known individuals.

A submission adds its method in three functions (megadescriptor_convnext/model.py is an example):
what it loads, how it prepares an image, and how it scores a batch of prepared images. For the
embedding of one network wildlife_reid/embedding_model.py prepares the image.

    class Model(RetrievalModel[Query]):
        def read(self, config, arrays): ...
        def prepare(self, image, row): ...
        def scores_of_batch(self, batch, rows): ...

The ingestion program calls `load()` once, then `preprocess` in threads and `predict_batch`, or
`predict` alone; wildlife_reid/open_set.py has the rules of the answer.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wildlife_reid.open_set import (
    Gallery,
    best_individuals,
    candidates,
    check_thresholds,
    decide,
    read_gallery,
)
from wildlife_submission.manifest import check_weights, made_by
from wildlife_submission.served_network import served_batch_size

Scores = NDArray[np.float64]
Rows = NDArray[np.intp]
Arrays = Mapping[str, NDArray[np.generic]]
_DAMAGED = (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class PreparedImage:
    """A prepared image, and the dataset that metadata.csv names; None where it names none."""

    dataset: str | None


Query = TypeVar("Query", bound=PreparedImage)


class RetrievalModel(ABC, Generic[Query]):
    """Load the gallery, find the most similar individual, and compare it with the threshold.

    Call `load()` once; then `predict(image, metadata)`, or `preprocess` in threads and batches.
    """

    folder: ClassVar[Path]  # the submission's folder: the one of the file that defines `read`
    gallery: Gallery
    thresholds: Mapping[str, float]  # by dataset

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if "folder" not in vars(cls):
            cls.folder = Path(cls.read.__code__.co_filename).resolve().parent

    def __init__(self) -> None:
        self._loaded = False
        # The last batch and its scores: `explain_batch` gets the very same list.
        self._last: tuple[list[Query], list[Scores]] = ([], [])

    @abstractmethod
    def read(self, config: Mapping[str, Any], arrays: Arrays) -> None:
        """Read what the method needs from config.json, weights/ and the gallery's arrays.

        Raises KeyError or ValueError for a setting or an array that does not fit.
        """

    @abstractmethod
    def prepare(self, image: Image.Image, row: Mapping[str, str]) -> Query:
        """Do everything that needs no gallery, for any PIL image and its row of metadata.csv.

        The row is empty where no table exists. Thread-safe.
        """

    @abstractmethod
    def scores_of_batch(self, batch: Sequence[Query], rows: Sequence[Rows]) -> Sequence[Scores]:
        """Return for each query (rows,) scores, higher = more alike, of its rows of the gallery.

        Each query has one row at least. A score that is not finite never wins.
        """

    @property
    def batch_size(self) -> int:
        """How many images the ingestion program should hand to `predict_batch`."""
        return served_batch_size()

    @staticmethod
    def dataset_of(row: Mapping[str, str]) -> str | None:
        """Return the dataset that a row of metadata.csv names; None if it is missing or empty."""
        return row.get("dataset") or None

    def load(self) -> None:
        """Read config.json, the gallery and the method's own files from the submission's folder.

        Raises FileNotFoundError for a missing file, with what weights.json says made it; ValueError
        where the gallery is damaged or does not fit config.json.
        """
        check_weights(self.folder)
        config = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        path = self.folder / config["gallery"]
        try:
            self.gallery, arrays = read_gallery(path)
            self.thresholds = config["thresholds"]
            check_thresholds(self.gallery, self.thresholds)
            self.read(config, arrays)
        except FileNotFoundError:
            raise
        except _DAMAGED as error:
            made = made_by(self.folder, config["gallery"])
            message = f"{path} is damaged or does not fit config.json: {error!r}; {made}"
            raise ValueError(message) from error
        self._loaded = True

    def preprocess(self, image: Image.Image, metadata: Mapping[str, str] | None = None) -> Query:
        """Prepare any PIL image; metadata: its row of metadata.csv. Thread-safe."""
        self._check_loaded()
        return self.prepare(image, metadata or {})

    def predict_batch(self, batch: list[Query]) -> list[str]:
        """Return an identity or `new_individual` for each prepared image."""
        self._check_loaded()
        scores = self._all_scores(batch)
        self._last = (batch, scores)
        return [
            decide(row, self.gallery, self.thresholds, query.dataset)
            for query, row in zip(batch, scores, strict=True)
        ]

    def predict(self, image: Image.Image, metadata: Mapping[str, str] | None = None) -> str:
        """Return an identity or `new_individual`."""
        return self.predict_batch([self.preprocess(image, metadata)])[0]

    def explain_batch(self, batch: list[Query]) -> list[list[tuple[str, float]]]:
        """Return the most similar individuals of each image, best first, with their scores."""
        self._check_loaded()
        last, scores = self._last
        if last is not batch:
            scores = self._all_scores(batch)
        return [
            best_individuals(row, self.gallery, query.dataset)
            for query, row in zip(batch, scores, strict=True)
        ]

    def check_rows(self, **rows: int) -> None:
        """Raise ValueError unless each array has as many rows as the gallery has labels."""
        wrong = {name: count for name, count in rows.items() if count != len(self.gallery)}
        if wrong:
            raise ValueError(f"expected {len(self.gallery)} rows in each array, found {wrong}")

    def _all_scores(self, batch: list[Query]) -> list[Scores]:
        """(gallery,) scores of each query, -inf for the rows of other datasets."""
        scores = [np.full(len(self.gallery), -np.inf) for _ in batch]
        if batch and len(self.gallery):
            rows = [np.flatnonzero(candidates(self.gallery, query.dataset)) for query in batch]
            found = self.scores_of_batch(batch, rows)
            for all_rows, own_rows, values in zip(scores, rows, found, strict=True):
                all_rows[own_rows] = values
        return scores

    def _check_loaded(self) -> None:
        if not self._loaded:
            raise RuntimeError("Model.load() has to be called before predicting")
