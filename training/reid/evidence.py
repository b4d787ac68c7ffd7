"""Evidence tables for `open_set_ensemble` inside a database, and the weights fitted on them.

For each dataset all pairs of pictures are compared once; then any split into gallery and queries
only looks things up, so that weights and thresholds are chosen on many splits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from training.reid.thresholds.calibrate import Nearest, open_set
from training.reid.thresholds.holdout import individual_folds
from wildlife_reid.evidence import EVIDENCE as EVIDENCE
from wildlife_reid.evidence import above_background, differs, evidence, shortlisted

Array = NDArray[np.float64]
Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]
# Not the seeds that choose thresholds: those should see answers of weights fitted elsewhere.
FIT_SEEDS = tuple(range(100, 112))
FEWEST_HITS = 30  # right (query, individual) pairs below which a dataset gets the pooled weights


@dataclass(frozen=True)
class Tables:
    """Of one dataset's pictures `rows`: verified and cosine (r, r), maxima r times (n, r)."""

    rows: Rows
    verified: Array
    cosine: Array
    maxima: list[NDArray[np.float32]]
    other_side: Mask  # (r, r)
    # Evidence that was worked out before, by query and gallery: all sets of evidence ask for it.
    known: dict[tuple[int, bytes], tuple[NDArray[np.str_], Array]] = field(default_factory=dict)


@dataclass(frozen=True)
class Weights:
    """A linear score of the evidence, (7,) and an intercept, in the evidence's own units."""

    weights: Array
    intercept: float

    def score(self, table: Array) -> Array:
        """(i,) for evidence (i, 7)."""
        return np.asarray(table @ self.weights + self.intercept)

    def as_json(self) -> dict[str, Any]:
        return {
            "weights": np.round(self.weights, 9).tolist(),
            "intercept": round(self.intercept, 9),
        }


def individual_table(
    tables: Tables, query: int, gallery: Rows, identity: NDArray[np.str_], shortlist: int
) -> tuple[NDArray[np.str_], Array]:
    """Individuals of the gallery and their evidence (i, 7); query and gallery are places."""
    key = (query, gallery.tobytes())
    if key in tables.known:
        return tables.known[key]
    names, code = np.unique(identity[tables.rows[gallery]], return_inverse=True)
    pictures, neighbours = above_background(tables.maxima[query][:, gallery], code)
    verified = np.full(len(gallery), np.nan)
    cosine = tables.cosine[query, gallery]
    chosen = shortlisted(pictures, cosine, shortlist)
    verified[chosen] = tables.verified[query, gallery[chosen]]
    other = tables.other_side[query, gallery]
    table = evidence(verified, neighbours, cosine, other, code)
    tables.known[key] = names, table
    return names, table


@dataclass(frozen=True)
class Examples:
    """Evidence (m, 7) of (query, individual) pairs, which are right (m,), and the fold (m,) of the
    query's individual."""

    table: Array
    right: Mask
    fold: Rows

    def without(self, fold: int) -> Examples:
        """Those of all other folds."""
        kept = self.fold != fold
        return Examples(self.table[kept], self.right[kept], self.fold[kept])


def examples(
    tables: Tables, identity: NDArray[np.str_], unseen: Mask, shortlist: int, seeds: Sequence[int]
) -> Examples:
    """Pairs of many splits. Raises DataError where the dataset cannot be split."""
    folds, kept, right, fold = individual_folds(identity), [], [], []
    for seed in seeds:
        split = open_set(identity, tables.rows, unseen, seed)
        gallery = np.searchsorted(tables.rows, split.gallery)
        for query in np.searchsorted(tables.rows, split.queries).tolist():
            names, table = individual_table(tables, query, gallery, identity, shortlist)
            row = tables.rows[query]
            kept.append(table)
            right.append(names == identity[row])
            fold.append(np.full(len(names), folds[row]))
    return Examples(np.concatenate(kept), np.concatenate(right), np.concatenate(fold))


def fit_weights(table: Array, right: Mask, used: Sequence[str] = EVIDENCE) -> Weights:
    """Logistic regression on the evidence in `used`; the rest weighs 0."""
    columns = [EVIDENCE.index(name) for name in used]
    scaler = StandardScaler().fit(table[:, columns])
    model = LogisticRegression(C=1.0, max_iter=1000)
    model.fit(scaler.transform(table[:, columns]), right)
    weights = np.zeros(len(EVIDENCE))
    weights[columns] = model.coef_[0] / scaler.scale_
    intercept = float(model.intercept_[0] - (weights[columns] * scaler.mean_).sum())
    return Weights(weights, intercept)


def nearest_of(
    tables: Mapping[str, Tables],
    weights: Sequence[Mapping[str, Weights]],
    database_dataset: NDArray[np.str_],
    identity: NDArray[np.str_],
    shortlist: int,
) -> Nearest:
    """The callback of training/reid/thresholds/calibrate.py.

    weights: for each fold of `individual_folds`, by dataset: fitted without that fold.
    """
    folds = individual_folds(identity)

    def nearest(gallery: Rows, queries: Rows) -> tuple[NDArray[np.str_], Array]:
        dataset = str(database_dataset[gallery[0]])
        own = tables[dataset]
        places = np.searchsorted(own.rows, gallery)
        best, score = [], np.zeros(len(queries))
        for number, query in enumerate(np.searchsorted(own.rows, queries).tolist()):
            names, table = individual_table(own, query, places, identity, shortlist)
            values = weights[folds[own.rows[query]]][dataset].score(table)
            best.append(str(names[int(values.argmax())]))
            score[number] = values.max()
        return np.array(best), score

    return nearest


def side_differs(orientation: NDArray[np.str_]) -> Mask:
    """(r, r): where two pictures show different sides."""
    return np.stack([differs(str(side), orientation) for side in orientation])
