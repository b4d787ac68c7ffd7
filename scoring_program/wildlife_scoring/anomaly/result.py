"""What scoring an anomaly table gives, and what the report shows by species."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wildlife_scoring.anomaly.metrics import Evaluation
from wildlife_scoring.metrics import BoolArray, FloatArray, auroc, share_above


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
    found = []
    for anomaly in (True, False):
        others = scored.scores[scored.anomaly != anomaly]
        of_class = scored.anomaly == anomaly
        for species in sorted(set(scored.species[of_class].tolist())):
            scores = scored.scores[of_class & (scored.species == species)]
            area = auroc(scores, others) if anomaly else auroc(others, scores)
            above = share_above(scores, scored.evaluation.at_tnr)
            found.append(Part(species, anomaly, scores, area, above))
    return sorted(found, key=lambda part: (not part.anomaly, part.auroc))
