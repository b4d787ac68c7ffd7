"""How well a submission ranks the individuals: measures that need no threshold.

They are reported next to the leaderboard's values, never on the leaderboard. An image counts as
much as any other here (the usual definition), where BAKS and BAUS weigh individuals equally.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wildlife_scoring.metrics import BoolArray, FloatArray, auroc


@dataclass(frozen=True)
class Ranking:
    """Four values of one dataset; NaN where it has no known (or, for the last, no new) images."""

    rank_1: float
    rank_5: float
    map_10: float
    auroc: float


def rank_measures(unknown: BoolArray, rank: NDArray[np.intp], scores: FloatArray) -> Ranking:
    """Measure the ranking of the images of one dataset; arrays of shape (n,).

    unknown: the image shows a new individual; rank: where the true individual stands among at
    most ten listed ones, from 1, or 0 where it is not listed; scores: of the first candidate, -inf
    where there is none.

    rank-k is the share of the images of known individuals with a rank of 1 to k. mAP@10 is taken
    over lists of individuals, not of database images: each list has one right entry, so that the
    average precision of a list is 1/rank, and 0 where the individual is not among the ten; values
    of papers that rank all database images are not comparable. AUROC is the chance that an image
    of a known individual has a higher best score than an image of a new one, ties counting half.
    """
    of_known = rank[~unknown]
    if not len(of_known):
        return Ranking(np.nan, np.nan, np.nan, np.nan)
    listed = of_known > 0
    inverse = np.where(listed, 1 / np.maximum(of_known, 1), 0.0)
    return Ranking(
        rank_1=float(np.mean(of_known == 1)),
        rank_5=float(np.mean(listed & (of_known <= 5))),
        map_10=float(np.mean(inverse)),
        auroc=auroc(scores[~unknown], scores[unknown]),
    )
