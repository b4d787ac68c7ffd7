"""Estimate how much of the gap to the oracle threshold is reachable.

Split the test identities in half many times, known and new ones each; judge each half with (a) our
threshold, (b) the one fitted on the other half, (c) its own oracle. The oracle threshold fits the
very queries that it is judged on, so even (b), which saw answers of the same test, stays behind it:
the further, the fewer queries decide the score.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from training.common.errors import DataError
from training.reid.thresholds.choose import Predictions, best_threshold

SEEDS = 50
OURS, LEARNED, ORACLE = "halves: ours", "halves: other half's", "halves: oracle"


def half_scores(
    predictions: Mapping[str, Predictions], ours: Mapping[str, float]
) -> dict[str, float]:
    """Mean over all halves, and over datasets, of sqrt(BAKS * BAUS): OURS, LEARNED, ORACLE.

    predictions and ours: a system's predictions, and our threshold, of each dataset. Returns
    nothing where a dataset has fewer than two known or two new individuals to halve.
    """
    if not all(_can_be_halved(one) for one in predictions.values()):
        return {}
    scores = [
        _score_half(learned_on, judged_on, ours[name])
        for name, one in predictions.items()
        for seed in range(SEEDS)
        for learned_on, judged_on in _halves(one, seed)
    ]
    # Every dataset has as many halves, so that the mean over all is that over datasets.
    means = np.mean(scores, axis=0).tolist()
    return dict(zip((OURS, LEARNED, ORACLE), means, strict=True))


def _can_be_halved(one: Predictions) -> bool:
    return all(len(np.unique(one.identity[one.new == new])) > 1 for new in (False, True))


def _halves(whole: Predictions, seed: int) -> Iterator[tuple[Predictions, Predictions]]:
    """Both halves of the individuals, each once in the first place."""
    rng = np.random.default_rng(seed)
    first: list[str] = []
    for new in (False, True):
        names = rng.permutation(np.unique(whole.identity[whole.new == new]))
        first += names[: len(names) // 2].tolist()
    inside = np.isin(whole.identity, first)
    one, other = (
        Predictions(whole.identity[rows], whole.nearest[rows], whole.score[rows], whole.new[rows])
        for rows in (inside, ~inside)
    )
    yield one, other
    yield other, one


def _score_half(
    learned_on: Predictions, judged_on: Predictions, ours: float
) -> tuple[float, float, float]:
    """Scores of one half with our threshold, the other half's best one, and its own best one."""
    try:
        learned = judged_on.at(best_threshold([learned_on]).value)
    except DataError:  # no query of that half has a finite score: everybody is new
        learned = judged_on.at(np.inf)
    return judged_on.at(ours), learned, judged_on.best_score()
