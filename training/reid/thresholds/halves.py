"""How near to hindsight can a threshold come at all? Learned from the answers of half of a test.

Hindsight fits the very queries by which it is judged, so that even a threshold from answered
pictures of the same test stays behind it: the further, the fewer queries decide the score. Here the
test's individuals are halved many times, known and new ones each; each half is judged with our
threshold, with the one that the other half's answers would have given, and in hindsight.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from training.common.errors import DataError
from training.reid.thresholds.calibrate import Answers, best_threshold
from wildlife_scoring.reid.metrics import threshold_curve

SEEDS = 50
OURS, LEARNED, HINDSIGHT = "halves: ours", "halves: other half's", "halves: hindsight"


def half_scores(answers: Mapping[str, Answers], ours: Mapping[str, float]) -> dict[str, float]:
    """Mean over all halves, and over datasets, of sqrt(BAKS x BAUS): OURS, LEARNED, HINDSIGHT.

    answers and ours: what a system says, and our threshold, of each dataset. Nothing where a
    dataset has fewer than two known or two new individuals, who cannot be halved.
    """
    if not all(_can_be_halved(one) for one in answers.values()):
        return {}
    found = [
        _one_half(learned_on, judged_by, ours[name])
        for name, one in answers.items()
        for seed in range(SEEDS)
        for learned_on, judged_by in _halves(one, seed)
    ]
    # Every dataset has as many halves, so that the mean over all is that over datasets.
    means = np.mean(found, axis=0).tolist()
    return dict(zip((OURS, LEARNED, HINDSIGHT), means, strict=True))


def _can_be_halved(answers: Answers) -> bool:
    return all(len(np.unique(answers.identity[answers.new == new])) > 1 for new in (False, True))


def _halves(answers: Answers, seed: int) -> Iterator[tuple[Answers, Answers]]:
    """Both halves of the individuals, each once in the first place."""
    rng = np.random.default_rng(seed)
    first: list[str] = []
    for new in (False, True):
        names = rng.permutation(np.unique(answers.identity[answers.new == new]))
        first += names[: len(names) // 2].tolist()
    inside = np.isin(answers.identity, first)
    one, other = (
        Answers(
            answers.identity[rows], answers.nearest[rows], answers.score[rows], answers.new[rows]
        )
        for rows in (inside, ~inside)
    )
    yield one, other
    yield other, one


def _one_half(learned_on: Answers, judged_by: Answers, ours: float) -> tuple[float, float, float]:
    try:
        learned = judged_by.at(best_threshold([learned_on]).value)
    except DataError:  # no query of that half has a finite score: everybody is new
        learned = judged_by.at(np.inf)
    curve = threshold_curve(judged_by.identity, judged_by.new, judged_by.nearest, judged_by.score)
    return judged_by.at(ours), learned, float(curve.score.max())
