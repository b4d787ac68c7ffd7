"""What scoring an anomaly table gives, and what the report shows by species."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wildlife_scoring.anomaly.metrics import Evaluation
from wildlife_scoring.metrics import BoolArray, FloatArray, share_above


@dataclass(frozen=True)
class Scored:
    """The aligned rows in the reference's order, and their evaluation; arrays of shape (rows,)."""

    names: Sequence[str]
    anomaly: BoolArray
    species: NDArray[np.object_]
    scores: FloatArray
    evaluation: Evaluation


@dataclass(frozen=True)
class Part:
    """The normal images of a species, or its anomalies.

    scores: (images,); auroc: against all images of the other class; above: the share above the
    threshold at 95 % TNR, false alarms of normal images and found ones of anomalies.
    """

    species: str
    anomaly: bool
    scores: FloatArray
    auroc: float
    above: float

    @property
    def median(self) -> float:
        """The middle score, of two middle ones the lower: no sum that huge scores overflow."""
        return float(np.sort(self.scores)[(len(self.scores) - 1) // 2])


def parts(scored: Scored) -> list[Part]:
    """Return the parts of the table, the anomalies first, the worst separated ones first."""
    wins = _wins(scored)
    species, code = np.unique(scored.species.astype(np.str_), return_inverse=True)
    order = np.argsort(2 * code + scored.anomaly, kind="stable")
    sizes = np.bincount(2 * code + scored.anomaly)
    found = []
    for number, rows in enumerate(np.split(order, np.cumsum(sizes)[:-1])):
        if len(rows):
            scores = scored.scores[rows]
            area = float(np.mean(wins[rows]))
            above = share_above(scores, scored.evaluation.at_tnr)
            name, anomaly = str(species[number // 2]), bool(number % 2)
            found.append(Part(name, anomaly, scores, area, above))
    return sorted(found, key=lambda part: (not part.anomaly, part.auroc))


def _wins(scored: Scored) -> FloatArray:
    """The share of the other class that each image is right about, ties counting half, (rows,)."""
    wins = np.empty(len(scored.scores))
    for anomaly in (True, False):
        own, others = scored.anomaly == anomaly, np.sort(scored.scores[scored.anomaly != anomaly])
        scores = scored.scores[own]
        below = np.searchsorted(others, scores, "left") + np.searchsorted(others, scores, "right")
        share = below / (2 * len(others))
        wins[own] = share if anomaly else 1 - share
    return wins
