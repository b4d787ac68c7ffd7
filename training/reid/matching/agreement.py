"""Retrieval and a classifier together: what their claims are worth, and what they predict.

Curves turn a cosine and a softmax value into the probability that the individual is right; a
discount lowers the claims where the two systems disagree (wildlife_reid/agreement.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.common.console import say
from training.reid.database import Database
from training.reid.matching.calibration_curves import FEWEST_HITS, fit_isotonic
from training.reid.thresholds.nearest import Names, Nearest, Rows
from training.reid.thresholds.splits import draw_split
from wildlife_reid.agreement import agreed, confidence, per_individual
from wildlife_reid.calibration import Calibration
from wildlife_reid.open_set import POOLED

FIT_SEEDS = tuple(range(100, 110))  # not those that choose thresholds
Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
# (i,) best cosines, (i,) softmax values and (i,) hits of a query's candidates.
Round = tuple[Array, Array, Mask]
ZERO = Calibration((0.0, 1.0), (0.0, 0.0))  # never right: for a claim without right examples


@dataclass(frozen=True)
class Systems:
    """Both systems' values for every image, and the database: embedding (n, d), logits (n, c)."""

    database: Database
    embedding: Array
    logits: Array
    classes: Names

    def claims(self, query: int, gallery: Rows) -> tuple[Names, Array, Array]:
        """Individuals of the gallery, each one's best cosine and the classifier's softmax."""
        names, code = np.unique(self.database.identity[gallery], return_inverse=True)
        cosine = self.embedding[gallery] @ self.embedding[query]
        probability = confidence(self.logits[query], self.classes, names)
        return names, per_individual(cosine, code, len(names)), probability


@dataclass(frozen=True)
class Curves:
    """What a cosine and a softmax value are worth: the probability that the individual is right."""

    retrieval: Calibration
    classifier: Calibration

    def claims(self, cosine: Array, probability: Array) -> tuple[Array, Array]:
        """Calibrated claims (i,) of both systems; an individual without a class gets 0."""
        return self.retrieval(cosine), np.where(probability > 0, self.classifier(probability), 0.0)

    def as_json(self) -> dict[str, Any]:
        return {"retrieval": self.retrieval.as_json(), "classifier": self.classifier.as_json()}


def fit_curves(systems: Systems, validation: Mask) -> tuple[dict[str, Curves], float]:
    """Fit the curves of each dataset and of POOLED, and the discount of a disagreement."""
    rounds: dict[str, list[Round]] = {}
    for name in np.unique(systems.database.dataset).tolist():
        rows = np.flatnonzero(systems.database.dataset == name)
        rounds[name] = list(_rounds(systems, rows, validation))
    everything = [one for own in rounds.values() for one in own]
    pooled = _fit_pooled(everything)
    curves = {POOLED: pooled}
    for name, own in rounds.items():
        curves[name] = _fit_dataset(own, pooled)
    return curves, _discount(everything, pooled)


def _fit_pooled(rounds: Sequence[Round]) -> Curves:
    """The curves over all datasets; a system that is never, or always, right gets ZERO."""
    retrieval, classifier = (
        fit_isotonic(values, hits) if _fewest_of_a_kind(hits) >= 1 else ZERO
        for values, hits in _pairs_of_systems(rounds)
    )
    return Curves(retrieval, classifier)


def _fit_dataset(rounds: Sequence[Round], pooled: Curves) -> Curves:
    """The curves of one dataset; a system with fewer than FEWEST_HITS gets the pooled curve."""
    retrieval, classifier = (
        fit_isotonic(values, hits) if _fewest_of_a_kind(hits) >= FEWEST_HITS else curve
        for (values, hits), curve in zip(
            _pairs_of_systems(rounds), (pooled.retrieval, pooled.classifier), strict=True
        )
    )
    return Curves(retrieval, classifier)


def _pairs_of_systems(rounds: Sequence[Round]) -> list[tuple[Array, Mask]]:
    """Values (p,) and hits (p,) of retrieval, then of the classifier."""
    cosine, probability, hits = (np.concatenate(parts) for parts in zip(*rounds, strict=True))
    right = hits.astype(np.bool_)
    # The classifier claims nothing of individuals without a class, so they are no examples of it.
    claimed = probability > 0
    return [(cosine, right), (probability[claimed], right[claimed])]


def _fewest_of_a_kind(hits: Mask) -> int:
    return int(min(hits.sum(), (~hits).sum()))


def _rounds(systems: Systems, rows: Rows, validation: Mask) -> Iterator[Round]:
    """Yield the claims and hits of each query of the fitting splits of one dataset."""
    identity = systems.database.identity
    for seed in FIT_SEEDS:
        split = draw_split(identity, rows, validation, seed)
        for query in split.queries.tolist():
            names, cosine, probability = systems.claims(query, split.gallery)
            yield cosine, probability, names == identity[query]


def _discount(rounds: Sequence[Round], curves: Curves) -> float:
    """How often the larger claim is right when the two disagree, per unit of what it claims."""
    claimed, right = [], []
    for cosine, probability, hits in rounds:
        first, second = curves.claims(cosine, probability)
        if first.argmax() != second.argmax():
            best = int(np.maximum(first, second).argmax())
            claimed.append(max(first[best], second[best]))
            right.append(bool(hits[best]))
    share = float(np.mean(right)) / max(float(np.mean(claimed)), 1e-9) if claimed else 1.0
    say(f"the two disagree in {len(claimed)} of {len(rounds)} queries, discount {share:.3f}")
    # Never 0, so that the order of claims survives; never above 1, so that scores stay below 1.
    return float(np.clip(share, 0.05, 1.0))


def nearest_of(systems: Systems, curves: Mapping[str, Curves], discount: float) -> Nearest:
    """The predictions of both systems together when only some rows are the gallery."""

    def nearest(gallery: Rows, queries: Rows) -> tuple[Names, Array]:
        own = curves[str(systems.database.dataset[gallery[0]])]
        best, score = [], np.zeros(len(queries))
        for number, query in enumerate(queries.tolist()):
            names, cosine, probability = systems.claims(query, gallery)
            scores = agreed(*own.claims(cosine, probability), discount)
            best.append(str(names[int(scores.argmax())]))
            score[number] = scores.max()
        return np.array(best), score

    return nearest
