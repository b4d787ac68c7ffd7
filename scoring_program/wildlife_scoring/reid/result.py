"""What scoring a reid table gives, and the counts that log and report show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wildlife_scoring.candidates import Candidates
from wildlife_scoring.metrics import BoolArray, FloatArray
from wildlife_scoring.reid import metrics as reid
from wildlife_scoring.reid.metrics import NEW, Curve

Texts = NDArray[np.object_]


@dataclass(frozen=True)
class Scored:
    """The joined rows in the reference's order; arrays of shape (rows,).

    scores: the leaderboard's; notes: sentences on what is odd without being wrong; candidates: None
    where candidates.csv is absent or unusable.
    """

    names: Sequence[str]
    identity: Texts
    dataset: Texts
    unknown: BoolArray
    predicted: Texts
    scores: dict[str, float]
    notes: Sequence[str]
    candidates: Candidates | None

    def datasets(self) -> list[str]:
        """Return the names of the datasets, sorted."""
        return sorted(set(self.dataset.tolist()))

    def rows(self, dataset: str) -> NDArray[np.intp]:
        """Return the rows of one dataset."""
        return np.flatnonzero(self.dataset == dataset)


@dataclass(frozen=True)
class Decisions:
    """The images of one dataset by truth and answer, and its individuals of both kinds."""

    known_right: int
    known_wrong: int
    known_as_new: int
    new_as_new: int
    new_as_known: int
    known_individuals: int
    new_individuals: int

    @property
    def known(self) -> int:
        """Count the images of known individuals."""
        return self.known_right + self.known_wrong + self.known_as_new

    @property
    def new(self) -> int:
        """Count the images of new individuals."""
        return self.new_as_new + self.new_as_known


def decisions(scored: Scored, dataset: str) -> Decisions:
    """Count the answers of one dataset."""
    rows = scored.rows(dataset)
    unknown, said_new = scored.unknown[rows], scored.predicted[rows] == NEW
    right = scored.predicted[rows] == scored.identity[rows]
    named = ~said_new & ~right
    return Decisions(
        known_right=int(np.count_nonzero(~unknown & right)),
        known_wrong=int(np.count_nonzero(~unknown & named)),
        known_as_new=int(np.count_nonzero(~unknown & said_new)),
        new_as_new=int(np.count_nonzero(unknown & said_new)),
        new_as_known=int(np.count_nonzero(unknown & ~said_new)),
        known_individuals=len(set(scored.identity[rows[~unknown]].tolist())),
        new_individuals=len(set(scored.identity[rows[unknown]].tolist())),
    )


@dataclass(frozen=True)
class Operating:
    """The submission's own decisions, compared with one threshold on its best candidates' scores.

    threshold: the one that repeats the most of its new-or-not decisions; differ: how many of the
    `images` answers that rule would change (0 for a plain threshold rule); curve: over all
    thresholds.
    """

    curve: Curve
    threshold: float
    differ: int
    images: int


def operating(scored: Scored, candidates: Candidates, dataset: str) -> Operating:
    """Return the curve of one dataset, and where on it the submission stands."""
    rows = scored.rows(dataset)
    best, values = candidates.best[rows], candidates.score[rows]
    curve = reid.threshold_curve(scored.identity[rows], scored.unknown[rows], best, values)
    threshold = implied_threshold(values, scored.predicted[rows] == NEW)
    by_rule = np.where(values >= threshold, best, NEW)
    differ = int(np.count_nonzero(by_rule != scored.predicted[rows]))
    return Operating(curve, threshold, differ, len(rows))


def implied_threshold(scores: FloatArray, said_new: BoolArray) -> float:
    """Return the score t for which "new below t" repeats the most of the decisions.

    scores, said_new: (n,), n >= 1. Of several such t the smallest; inf where calling all new fits
    best.
    """
    steps, place = np.unique(scores, return_inverse=True)
    named_below = np.append(0, np.cumsum(np.bincount(place, ~said_new)))
    new_below = np.append(0, np.cumsum(np.bincount(place, said_new)))
    differ = named_below + (new_below[-1] - new_below)
    return float(np.append(steps, np.inf)[int(np.argmin(differ))])
