"""Below which score is an animal a new one? Chosen on open-set splits of the database.

    python -m training.reid.thresholds.calibrate --embeddings FILE.npz [--seeds 20] [--json]

FILE.npz holds `embedding` (n, d), `identity` and `dataset` (n,) and, where the network was trained
on some of them, `unseen` (n,) booleans. Prints, for each dataset, the threshold of the cosine that
maximises sqrt(BAKS x BAUS), and what two other rules say (training/reid/thresholds/rules.py).

As a library: `calibrate` takes any system as a function from (gallery rows, query rows) to the best
individual and its score. For every seed some individuals are taken out of the gallery (new ones),
and of the others some pictures; these are the queries. Rules:
- only pictures that the system did not train on are queries, and only individuals none of whose
  pictures it trained on are taken out (training/reid/thresholds/holdout.py);
- an individual with one picture is never a known query: without it, it is not in the gallery;
- the threshold is the middle of the stretch, round the best one, where the score, as a mean over
  the seeds, is within 2 % of the best: a single best point is luck.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from training.common.errors import DataError
from wildlife_scoring.reid.metrics import NEW, dataset_score, threshold_curve

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]
# (gallery rows, query rows), all of one dataset -> best individual (q,) and its score (q,).
Nearest = Callable[[Rows, Rows], tuple[NDArray[np.str_], Floats]]

SEEDS = tuple(range(20))
TAKEN_OUT = 0.25  # of all individuals, and at most half of those that may be
QUERIES = 0.3  # of a known individual's pictures, of those that may be
PLATEAU = 0.98  # of the best score


@dataclass(frozen=True)
class OpenSet:
    """One split of one dataset: rows of the gallery and of the queries, and who is new (q,)."""

    gallery: Rows
    queries: Rows
    new: NDArray[np.bool_]


@dataclass(frozen=True)
class Threshold:
    """Of one dataset. value: below it, an animal is new.

    spread: standard deviation, over the seeds, of the threshold that is best for a seed alone;
    score: mean over the seeds of sqrt(BAKS x BAUS) at `value`, score_spread its deviation;
    ceiling: the same with each seed's own best threshold; rank1: share of the known queries whose
    best individual is the right one.
    """

    value: float
    spread: float
    score: float
    score_spread: float
    ceiling: float
    rank1: float


@dataclass(frozen=True)
class Answers:
    """What a system says on one split; identity, nearest, score and new are (q,)."""

    identity: NDArray[np.str_]
    nearest: NDArray[np.str_]
    score: Floats
    new: NDArray[np.bool_]

    def at(self, threshold: float) -> float:
        """sqrt(BAKS x BAUS)"""
        said = np.where(self.score >= threshold, self.nearest, NEW)
        return dataset_score(self.identity, self.new, said)


def open_set(
    identity: NDArray[np.str_], rows: Rows, unseen: NDArray[np.bool_], seed: int
) -> OpenSet:
    """Split the `rows` of one dataset. identity and unseen are of the whole table.

    Raises DataError where no individual may be taken out, or no picture may be a known query.
    """
    rng = np.random.default_rng(seed)
    names = np.unique(identity[rows])
    trained = set(identity[rows[~unseen[rows]]].tolist())
    free = rng.permutation([name for name in names.tolist() if name not in trained])
    taken = set(free[: min(round(len(names) * TAKEN_OUT), len(free) // 2)].tolist())
    new = np.isin(identity[rows], list(taken))
    queries = new.copy()
    for name in names.tolist():
        own = np.flatnonzero(identity[rows] == name)
        usable = rng.permutation(own[unseen[rows[own]]])
        # At least one picture stays in the gallery, so an individual with one is no query.
        share = min(max(1, round(len(own) * QUERIES)), len(own) - 1, len(usable))
        if name not in taken:
            queries[usable[:share]] = True
    if not taken or not (queries & ~new).any():
        raise DataError(
            f"{len(names)} individuals, {len(free)} of which were not trained on: expected at "
            "least 2 such, and a picture, not trained on, of an individual with two or more"
        )
    return OpenSet(rows[~queries], rows[queries], new[queries])


def answers(
    nearest: Nearest,
    identity: NDArray[np.str_],
    dataset: NDArray[np.str_],
    unseen: NDArray[np.bool_] | None = None,
    seeds: Sequence[int] = SEEDS,
) -> dict[str, list[Answers]]:
    """For each dataset, what the system says on each seed's split. Raises DataError."""
    if unseen is None:
        unseen = np.ones(len(identity), dtype=np.bool_)
    found: dict[str, list[Answers]] = {}
    problems = []
    for name in np.unique(dataset).tolist():
        rows = np.flatnonzero(dataset == name)
        splits, why = [], "no seeds"
        for seed in seeds:
            try:
                splits.append(open_set(identity, rows, unseen, seed))
            except DataError as error:
                why = str(error)
        # In a small dataset a seed may take out everybody who could be a known query.
        if not splits:
            problems.append(f"dataset {name!r}: {why}")
        found[name] = [_answers(nearest, identity, split) for split in splits]
    if problems:
        raise DataError("\n".join(problems))
    return found


def _answers(nearest: Nearest, identity: NDArray[np.str_], split: OpenSet) -> Answers:
    best, score = nearest(split.gallery, split.queries)
    # A score that is not finite never wins (open_set.py): it is a new one at every threshold.
    score = np.where(np.isfinite(score), score, -np.inf).astype(np.float64)
    return Answers(identity[split.queries], best, score, split.new)


def calibrate(
    nearest: Nearest,
    identity: NDArray[np.str_],
    dataset: NDArray[np.str_],
    unseen: NDArray[np.bool_] | None = None,
    seeds: Sequence[int] = SEEDS,
) -> dict[str, Threshold]:
    """The threshold of each dataset; `unseen` (n,): not trained on (None: nothing was).

    Raises DataError with all datasets that cannot be split.
    """
    found = answers(nearest, identity, dataset, unseen, seeds)
    return {name: best_threshold(rounds) for name, rounds in found.items()}


def best_threshold(rounds: Sequence[Answers]) -> Threshold:
    """The one threshold for all rounds; see the top of this file."""
    curves = [threshold_curve(one.identity, one.new, one.nearest, one.score) for one in rounds]
    grid = np.unique(np.concatenate([curve.threshold for curve in curves]))
    grid = grid[np.isfinite(grid)]
    if not len(grid):
        raise DataError("no query has a finite score, so no threshold can be chosen")
    # A curve is a staircase: at t it has the value of its next step.
    table = np.stack([c.score[np.searchsorted(c.threshold, grid)] for c in curves])
    value = _middle_of_best(grid, table.mean(axis=0))
    scores = np.array([one.at(value) for one in rounds])
    own = [_middle_of_best(grid, row) for row in table]
    known = [np.mean(one.nearest[~one.new] == one.identity[~one.new]) for one in rounds]
    return Threshold(
        value=value,
        spread=float(np.std(own)),
        score=float(scores.mean()),
        score_spread=float(scores.std()),
        ceiling=float(table.max(axis=1).mean()),
        rank1=float(np.mean(known)),
    )


def _middle_of_best(grid: Floats, score: Floats) -> float:
    """The middle of the stretch round the best threshold with at least PLATEAU of its score."""
    best = int(score.argmax())
    low_enough = np.flatnonzero(score < PLATEAU * score[best])
    first = int(low_enough[low_enough < best].max(initial=-1)) + 1
    last = int(low_enough[low_enough > best].min(initial=len(grid))) - 1
    # Thresholds between grid[first - 1] and grid[first] decide as grid[first] does.
    start = grid[first - 1] if first else grid[first]
    return float((start + grid[last]) / 2)


def nearest_by_cosine(embedding: NDArray[np.floating], identity: NDArray[np.str_]) -> Nearest:
    """The system that names the picture with the largest cosine. embedding: (n, d), any length."""
    length = np.linalg.norm(embedding, axis=1, keepdims=True)
    unit = (embedding / np.maximum(length, 1e-12)).astype(np.float64)

    def nearest(gallery: Rows, queries: Rows) -> tuple[NDArray[np.str_], Floats]:
        cosine = unit[queries] @ unit[gallery].T
        cosine = np.where(np.isfinite(cosine), cosine, -np.inf)
        best = cosine.argmax(axis=1)
        return identity[gallery[best]], cosine[np.arange(len(queries)), best]

    return nearest


def nearest_centroid(embedding: NDArray[np.floating], identity: NDArray[np.str_]) -> Nearest:
    """The system that names the nearest mean of an individual's pictures; minus the distance."""
    values = embedding.astype(np.float64)

    def nearest(gallery: Rows, queries: Rows) -> tuple[NDArray[np.str_], Floats]:
        names, code = np.unique(identity[gallery], return_inverse=True)
        sums = np.zeros((len(names), values.shape[1]))
        np.add.at(sums, code, values[gallery])
        centroids = sums / np.bincount(code)[:, None]
        score = -np.linalg.norm(values[queries][:, None] - centroids[None], axis=2)
        score = np.where(np.isfinite(score), score, -np.inf)
        best = score.argmax(axis=1)
        return names[best], score[np.arange(len(queries)), best]

    return nearest


def main(arguments: list[str] | None = None) -> int:
    from training.reid.thresholds.rules import extreme_value_threshold, robust_z_threshold

    parser = argparse.ArgumentParser(description="Choose thresholds for embeddings by cosine.")
    parser.add_argument("--embeddings", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    try:
        with np.load(options.embeddings, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        if missing := sorted({"embedding", "identity", "dataset"} - set(arrays)):
            raise DataError(f"{options.embeddings}: the arrays {missing} are missing")
        identity, dataset = arrays["identity"].astype(str), arrays["dataset"].astype(str)
        nearest = nearest_by_cosine(arrays["embedding"], identity)
        unseen = arrays.get("unseen")
        rounds = answers(nearest, identity, dataset, unseen, range(options.seeds))
    except (DataError, OSError, ValueError, BadZipFile) as error:
        print(f"calibrate_threshold: {error}", file=sys.stderr)
        return 1
    result = {
        name: {
            **asdict(best_threshold(found)),
            "robust_z": robust_z_threshold(found),
            "extreme_value": extreme_value_threshold(found),
        }
        for name, found in rounds.items()
    }
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        for name, values in result.items():
            print(name + ": " + ", ".join(f"{key} {value:.4f}" for key, value in values.items()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
