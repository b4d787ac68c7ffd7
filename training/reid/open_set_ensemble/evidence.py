"""Evidence of `open_set_ensemble` for each individual of a gallery, looked up in tables.

All image pairs of a dataset are compared once; any split into gallery and queries then only looks
values up, so that weights and thresholds are chosen on many splits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from training.reid.database import Database
from training.reid.matching.pairs import all_pairs
from training.reid.matching.sift import SiftMatcher
from training.reid.thresholds.nearest import Names, Rows
from wildlife_reid import evidence as ev

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
SHORTLIST = 60  # images of the gallery that are verified


@dataclass(frozen=True)
class Tables:
    """The comparisons of one dataset's images `rows` (r,) of the database.

    verified, cosine and other_viewpoint (r, r); maxima: for each image (key points, r).
    """

    rows: Rows
    identity: Names  # (r,)
    verified: Array
    cosine: Array
    maxima: list[NDArray[np.float32]]
    other_viewpoint: Mask
    # Cache: (query, gallery bytes) -> (candidate names, evidence). Every subset of evidence reuses
    # it.
    cache: dict[tuple[int, bytes], tuple[Names, Array]] = field(default_factory=dict)

    def individuals(
        self, query: int, gallery: Rows, shortlist: int = SHORTLIST
    ) -> tuple[Names, Array]:
        """Individuals of the gallery (i,) and their evidence (i, 7).

        query and gallery (g,) are positions in `rows`; shortlist: images that are verified.
        """
        key = (query, gallery.tobytes())
        if key not in self.cache:
            self.cache[key] = self._compared(query, gallery, shortlist)
        return self.cache[key]

    def _compared(self, query: int, gallery: Rows, shortlist: int) -> tuple[Names, Array]:
        names, code = np.unique(self.identity[gallery], return_inverse=True)
        images, neighbours = ev.above_background(self.maxima[query][:, gallery], code)
        cosine = self.cosine[query, gallery]
        # Only a shortlist is verified in serving, so the other images count as not verified.
        verified = np.full(len(gallery), np.nan)
        chosen = ev.shortlisted(images, cosine, shortlist)
        verified[chosen] = self.verified[query, gallery[chosen]]
        other_viewpoint = self.other_viewpoint[query, gallery]
        return names, ev.evidence(verified, neighbours, cosine, other_viewpoint, code)


def compare(
    database: Database, matcher: SiftMatcher, embeddings: NDArray[np.floating]
) -> dict[str, Tables]:
    """The tables of each dataset; verified scores are cached with training/reid/wildfusion.py."""
    verified, _ = all_pairs(matcher, database)
    wide = embeddings.astype(np.float64)
    tables = {}
    for name in np.unique(database.dataset).tolist():
        rows = np.flatnonzero(database.dataset == name)
        tables[name] = Tables(
            rows=rows,
            identity=database.identity[rows],
            verified=verified[np.ix_(rows, rows)],
            cosine=wide[rows] @ wide[rows].T,
            maxima=[ev.key_point_maxima(matcher.features[r], matcher.gallery, rows) for r in rows],
            other_viewpoint=viewpoint_differs(database.orientation[rows]),
        )
    return tables


def viewpoint_differs(orientation: Names) -> Mask:
    """(r, r): where two images show the animal from different viewpoints."""
    return np.stack([ev.differs(str(viewpoint), orientation) for viewpoint in orientation])


@dataclass(frozen=True)
class Weights:
    """A linear score of the evidence: weights (7,), in its own units, and an intercept."""

    weights: Array
    intercept: float

    def score(self, table: Array) -> Array:
        """(i,) for evidence (i, 7)."""
        return np.asarray(table @ self.weights + self.intercept)

    def as_json(self) -> dict[str, list[float] | float]:
        return {
            "weights": np.round(self.weights, 9).tolist(),
            "intercept": round(self.intercept, 9),
        }


AllWeights = Mapping[str, Weights]  # by dataset
