"""Which individual is it? All evidence for each individual, weighed per dataset (README.md)"""

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
from torch import Tensor

from wildlife_image.rgb import to_rgb
from wildlife_reid import evidence as ev
from wildlife_reid.joint_embedding import JointEmbedding, components_of
from wildlife_reid.local import gallery as local_gallery
from wildlife_reid.local.features import LocalFeatures, LocalSettings, local_features
from wildlife_reid.local.matching import MatchSettings
from wildlife_reid.open_set import (
    best_individuals,
    candidates,
    check_thresholds,
    decide,
    read_gallery,
)

HERE = Path(__file__).resolve().parent
POOLED = ""  # the weights over all datasets, for a query whose dataset is not known
MEND = "make it with `python -m training.reid.open_set_ensemble`"


@dataclass(frozen=True)
class Query:
    """Pixels (3, s, s) by network, local features, and what metadata.csv says ("" or None)."""

    pixels: list[Tensor]
    local: LocalFeatures
    side: str
    dataset: str | None


class Model:
    """`load()` once; then `predict(image, metadata)`, or `preprocess` in threads and batches."""

    def __init__(self) -> None:
        self._config: dict[str, Any] | None = None
        # The batch that was answered last and its scores, for `explain_batch`.
        self._last: tuple[list[Query], list[NDArray[np.float64]]] = ([], [])

    def load(self) -> None:
        """Read config.json, the networks and the gallery beside this file.

        Raises FileNotFoundError or ValueError with the file and the command that makes it.
        """
        config = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
        gallery, networks = HERE / config["gallery"], config["networks"]
        paths = [*(HERE / one["weights"] for one in networks.values()), gallery]
        if missing := [str(path) for path in paths if not path.is_file()]:
            raise FileNotFoundError(f"{', '.join(missing)} not there: {MEND}")
        try:
            self._gallery, arrays = read_gallery(gallery)
            self._local = local_gallery.from_arrays(arrays)
            self._side = arrays["orientation"].astype(np.str_)
            self._embedding = arrays["embedding"].astype(np.float64)
            components = components_of(arrays)
            check_thresholds(self._gallery, config["thresholds"])
            rows = {len(self._gallery), len(self._local), len(self._side), len(self._embedding)}
            if len(rows) > 1:
                raise ValueError(f"expected as many rows in each array, found {sorted(rows)}")
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"{gallery} and config.json: {error!r}: {MEND}") from error
        self._networks = JointEmbedding(networks, HERE, components)
        self._features = LocalSettings(**config["local"]["features"])
        self._match = MatchSettings(**config["local"]["match"])
        self._config = config

    def preprocess(self, image: Image.Image, metadata: Mapping[str, str] | None = None) -> Query:
        """Pixels and local features of any picture; thread-safe."""
        self._loaded()
        row = metadata or {}
        rgb = to_rgb(image, 2 * self._features.side)
        return Query(
            self._networks.pixels(rgb),
            local_features(rgb, self._features),
            (row.get("orientation") or "").strip(),
            row.get("dataset") or None,
        )

    def predict_batch(self, batch: list[Query]) -> list[str]:
        """An individual or `new_individual` for each."""
        config = self._loaded()
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
        """(g,): log-odds of each picture's individual; -inf for those of other datasets."""
        config = self._loaded()
        found = np.full(len(self._gallery), -np.inf)
        rows = np.flatnonzero(candidates(self._gallery, query.dataset))
        if not len(rows):
            return found
        _, code = np.unique(self._gallery.identity[rows], return_inverse=True)
        maxima = ev.key_point_maxima(query.local, self._local, rows)
        pictures, neighbours = ev.above_background(maxima, code)
        cosine = (self._embedding[rows] * self._networks.embed(query.pixels)).sum(axis=1)
        chosen = ev.shortlisted(pictures, cosine, config["shortlist"])
        verified = ev.verified_at(query.local, self._local, rows, chosen, self._match)
        other = ev.differs(query.side, self._side[rows])
        table = ev.evidence(verified, neighbours, cosine, other, code)
        weights = config["evidence"].get(query.dataset or POOLED, config["evidence"][POOLED])
        found[rows] = (table @ np.array(weights["weights"]) + weights["intercept"])[code]
        return found

    def _loaded(self) -> dict[str, Any]:
        if self._config is None:
            raise RuntimeError("Model.load() has to be called before predicting")
        return self._config
