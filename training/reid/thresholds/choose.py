"""Choose the score below which an animal is new: the threshold that does best on many splits.

On each split (training/reid/thresholds/splits.py) a system predicts the best individual and its
score for every query. The threshold is the middle of the stretch, around the best threshold, where
the mean score over the splits is within 2 % of the best: a single best point is luck. A threshold
with which a system never, or always, calls an animal new decides nothing: it is a TrainingError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.common.console import say
from training.common.errors import DataError, TrainingError
from training.reid.database import Database
from training.reid.thresholds.nearest import Names, Nearest, Scores
from training.reid.thresholds.splits import SEEDS, Mask, Split, draw_splits
from wildlife_scoring.reid.metrics import NEW, dataset_score, sides, threshold_curve

PLATEAU = 0.98  # of the best score
NOT_TOLD_APART = "the submission cannot tell new individuals from known ones; it was not written"
ADVICE = (
    "what helps: more individuals, and more images of each; the same photograph, or photographs of "
    "one series, under one identity only (notes above name equal files); left and right sides of "
    "an animal in the column `orientation`; networks trained on these images, or another preset"
)


@dataclass(frozen=True)
class Predictions:
    """What a system predicts on one split: identity, nearest, score and new, each (q,)."""

    identity: Names
    nearest: Names
    score: Scores
    new: Mask

    def at(self, threshold: float) -> float:
        """The track's score, sqrt(BAKS * BAUS), if every match scored below `threshold` is called
        new."""
        return dataset_score(self.identity, self.new, self._answers(threshold))

    def sides(self, threshold: float) -> tuple[float, float]:
        """BAKS and BAUS at that threshold."""
        return sides(self.identity, self.new, self._answers(threshold))

    def _answers(self, threshold: float) -> Names:
        return np.where(self.score >= threshold, self.nearest, NEW)

    def best_score(self) -> float:
        """The track's score at the oracle threshold, the best one for these very queries."""
        curve = threshold_curve(self.identity, self.new, self.nearest, self.score)
        return float(curve.score.max())


@dataclass(frozen=True)
class Threshold:
    """The threshold of one dataset and how well it does on the splits.

    value: below it, an animal is new. std: standard deviation, over the splits, of the threshold
    that is best for one split alone. score: mean over the splits of sqrt(BAKS * BAUS) at `value`,
    score_std its standard deviation. ceiling: the same mean with each split's own best threshold.
    rank1: share of the known queries whose best individual is the right one. baks, baus: their
    means over the splits at `value`. known_called_new, new_called_new: shares of the known and of
    the new queries, over all splits, that score below `value`.
    """

    value: float
    std: float
    score: float
    score_std: float
    ceiling: float
    rank1: float
    baks: float
    baus: float
    known_called_new: float
    new_called_new: float


def predict(nearest: Nearest, identity: Names, split: Split) -> Predictions:
    """Ask a system about the queries of one split."""
    best, score = nearest(split.gallery, split.queries)
    # A score that is not finite never wins (wildlife_reid/open_set.py): always a new individual.
    score = np.where(np.isfinite(score), score, -np.inf).astype(np.float64)
    return Predictions(identity[split.queries], best, score, split.new)


def predict_splits(
    nearest: Nearest, identity: Names, splits: Mapping[str, Sequence[Split]]
) -> dict[str, list[Predictions]]:
    """Ask a system about the queries of all splits of each dataset."""
    return {name: [predict(nearest, identity, one) for one in own] for name, own in splits.items()}


def choose_thresholds(
    nearest: Nearest,
    identity: Names,
    dataset: Names,
    validation: Mask | None = None,
    seeds: Sequence[int] = SEEDS,
) -> dict[str, Threshold]:
    """Choose the threshold of each dataset; validation (n,): not trained on (None: all of them).

    Raises DataError with all datasets that cannot be split.
    """
    splits = draw_splits(identity, dataset, validation, seeds)
    predictions = predict_splits(nearest, identity, splits)
    return {name: best_threshold(rounds) for name, rounds in predictions.items()}


def best_threshold(rounds: Sequence[Predictions]) -> Threshold:
    """Choose one threshold for all rounds, as the top of this file says.

    Raises DataError where no query has a finite score.
    """
    curves = [threshold_curve(one.identity, one.new, one.nearest, one.score) for one in rounds]
    grid = np.unique(np.concatenate([curve.threshold for curve in curves]))
    grid = grid[np.isfinite(grid)]
    if not len(grid):
        raise DataError("no query has a finite score, so no threshold can be chosen")
    # The score of a round is a staircase: between two of its thresholds it has the next one's.
    table = np.stack([c.score[np.searchsorted(c.threshold, grid)] for c in curves])
    value = _middle_of_best(grid, table.mean(axis=0))
    single = [_middle_of_best(grid, row) for row in table]
    rank1 = [np.mean(one.nearest[~one.new] == one.identity[~one.new]) for one in rounds]
    return Threshold(
        value=value,
        std=float(np.std(single)),
        ceiling=float(table.max(axis=1).mean()),
        rank1=float(np.mean(rank1)),
        **_measured(rounds, value),
    )


def _measured(rounds: Sequence[Predictions], value: float) -> dict[str, float]:
    """The fields of a Threshold that say how well `value` does."""
    scores = np.array([one.at(value) for one in rounds])
    baks, baus = np.mean([one.sides(value) for one in rounds], axis=0)
    below = np.concatenate([one.score < value for one in rounds])
    new = np.concatenate([one.new for one in rounds])
    return {
        "score": float(scores.mean()),
        "score_std": float(scores.std()),
        "baks": float(baks),
        "baus": float(baus),
        "known_called_new": float(below[~new].mean()),
        "new_called_new": float(below[new].mean()),
    }


def refuse_constant(thresholds: Mapping[str, Threshold]) -> None:
    """Raise TrainingError naming each dataset of which new is said never, or always."""
    wrong = {
        name: "never" if one.new_called_new == 0 else "always"
        for name, one in thresholds.items()
        if one.new_called_new == 0 or one.known_called_new == 1
    }
    if wrong:
        found = [_found(name, when, thresholds[name]) for name, when in wrong.items()]
        raise TrainingError("\n  ".join([NOT_TOLD_APART, *found, ADVICE]))


def _found(name: str, when: str, one: Threshold) -> str:
    return (
        f"{name}: {when} new at the threshold {one.value:.4f}: it calls "
        f"{one.known_called_new:.1%} of the images of known individuals new and "
        f"{one.new_called_new:.1%} of those of new individuals (BAKS {one.baks:.3f}, BAUS "
        f"{one.baus:.3f}; the nearest individual is the right one for {one.rank1:.1%} of the known)"
    )


def refuse_constant_answers(
    nearest: Nearest, database: Database, validation: Mask, thresholds: Mapping[str, Threshold]
) -> None:
    """As `refuse_constant`, of the system that is written, with thresholds chosen for its parts.

    What was fitted without some individuals chose the thresholds; what is written was fitted on all
    of them, and where the evidence is weak its scores can lie on one side of the threshold.
    """
    splits = draw_splits(database.identity, database.dataset, validation)
    rounds = predict_splits(nearest, database.identity, splits)
    refuse_constant(
        {
            name: replace(one, **_measured(rounds[name], one.value))
            for name, one in thresholds.items()
        }
    )


def _middle_of_best(grid: Scores, score: Scores) -> float:
    """The middle of the stretch around the best threshold with at least PLATEAU of its score."""
    best = int(score.argmax())
    # The nearest thresholds on both sides that fall off the plateau, or the ends of the grid.
    too_low = np.flatnonzero(score < PLATEAU * score[best])
    first = int(too_low[too_low < best].max(initial=-1)) + 1
    last = int(too_low[too_low > best].min(initial=len(grid))) - 1
    # Thresholds between grid[first - 1] and grid[first] decide as grid[first] does.
    start = grid[first - 1] if first else grid[first]
    return float((start + grid[last]) / 2)


def mean_score(thresholds: Mapping[str, Threshold]) -> float:
    """Mean over the datasets of the validation score."""
    return float(np.mean([one.score for one in thresholds.values()]))


def print_thresholds(thresholds: Mapping[str, Threshold]) -> None:
    """Print one line for each dataset: its threshold and the validation scores.

    Raises TrainingError where a dataset is never, or always, said to show a new individual.
    """
    for name, one in thresholds.items():
        say(
            f"{name}: threshold {one.value:.4f}, validation score {one.score:.3f} (std "
            f"{one.score_std:.3f}, ceiling {one.ceiling:.3f}), rank-1 of known {one.rank1:.3f}"
        )
    refuse_constant(thresholds)
