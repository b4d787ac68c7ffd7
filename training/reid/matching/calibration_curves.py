"""Fit the curves that turn a pipeline's scores into probabilities of "the same individual".

Isotonic regression (scikit-learn), stored as its knots (wildlife_reid/calibration.py). All pairs of
two different images are used. An image with itself is left out, because its score, the highest
possible one, would bend the top of the curve (the published code keeps such pairs where both sets
are the same). Curves that judge a shortlist and thresholds are fitted without the query's
individual.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.isotonic import IsotonicRegression

from training.common.console import say
from training.common.errors import DataError
from training.reid.database import Database
from training.reid.thresholds.validation import FOLDS, TOO_FEW, individual_folds
from wildlife_reid.calibration import Calibration
from wildlife_reid.fusion import GLOBAL, LOCAL
from wildlife_reid.open_set import POOLED

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Curves = dict[str, dict[str, Calibration]]  # by dataset and POOLED, then by pipeline
FEWEST_HITS = 20  # pairs of one individual below which a dataset gets the curve of all datasets


def fit_isotonic(scores: ArrayLike, hits: ArrayLike) -> Calibration:
    """Fit the monotone curve of pairs with finite scores (p,); hits (p,): of one individual.

    The steps of the regression become knots at the middle of neighbouring steps' ends, with the
    lowest and the highest score as the outer knots. Raises DataError without both kinds of pairs.
    """
    values, same = np.asarray(scores, dtype=np.float64), np.asarray(hits, dtype=np.bool_)
    if values.shape != same.shape or values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError(f"expected finite scores and hits of one shape (p,), found {values.shape}")
    if same.all() or not same.any():
        raise DataError(
            f"{same.sum()} of {len(same)} pairs are of one individual; both kinds are needed to "
            "fit a curve: add images of known individuals"
        )
    regression = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    regression.fit(values, same.astype(np.float64))
    # These are both ends of every flat step. Knots in the middle of each step and of each gap make
    # the curve rise through the steps, so that different scores do not tie.
    ends = np.asarray(regression.X_thresholds_, dtype=np.float64)
    middles = (ends[:-1] + ends[1:]) / 2
    x = np.unique(np.concatenate([ends[:1], middles, ends[-1:]]))
    y = np.maximum.accumulate(np.clip(regression.predict(x), 0, 1))
    return Calibration(tuple(x.tolist()), tuple(y.tolist()))


def pair_scores(matrix: Array, identity: NDArray[np.str_]) -> tuple[Array, NDArray[np.bool_]]:
    """Scores and hits (p,) of all scored pairs of an (n, n) matrix, without the diagonal."""
    scored = np.isfinite(matrix) & ~np.eye(len(matrix), dtype=np.bool_)
    return matrix[scored], (identity[:, None] == identity[None, :])[scored]


def fit_datasets(
    matrix: Array, identity: NDArray[np.str_], dataset: NDArray[np.str_], pooled: str
) -> dict[str, Calibration]:
    """Fit a curve for each dataset, and one over all datasets under `pooled`.

    A dataset with fewer than FEWEST_HITS pairs of a kind gets the pooled curve. matrix: (n, n), NaN
    for pairs that were not scored (other datasets). Raises DataError without both kinds of pairs.
    """
    curves = {pooled: fit_isotonic(*pair_scores(matrix, identity))}
    for name in sorted(set(dataset.tolist())):
        rows = np.flatnonzero(dataset == name)
        scores, hits = pair_scores(matrix[np.ix_(rows, rows)], identity[rows])
        few = min(hits.sum(), (~hits).sum()) < FEWEST_HITS
        curves[name] = curves[pooled] if few else fit_isotonic(scores, hits)
    return curves


def expected_calibration_error(
    probability: Array, hits: NDArray[np.bool_], bins: int = 10
) -> float:
    """Mean gap between probability and share of hits over equal bins, weighted by their pairs."""
    number = np.minimum((probability * bins).astype(int), bins - 1)
    counts = np.bincount(number, minlength=bins)
    # A bin's gap of means times its pairs is the gap of its sums.
    gap = np.abs(
        np.bincount(number, probability, bins) - np.bincount(number, hits.astype(float), bins)
    )
    return float(gap.sum() / max(counts.sum(), 1))


def fit_curves(similarity: Array, local: Array, database: Database, pairs: Mask) -> Curves:
    """Fit curves of both pipelines per dataset and for POOLED. Raises DataError as `fit_isotonic`.

    pairs: (n, n) or (n, 1) of query and gallery image, True for those that are fitted on. Queries
    that the network trained on should not be: they are more alike than any new image will be.
    """
    curves = {}
    for name, matrix in ((GLOBAL, similarity), (LOCAL, local)):
        kept = np.where(pairs, matrix, np.nan)
        curves[name] = fit_datasets(kept, database.identity, database.dataset, POOLED)
    return {
        dataset: {name: curves[name][dataset] for name in (GLOBAL, LOCAL)}
        for dataset in curves[GLOBAL]
    }


def calibrated_matrices(
    similarity: Array, local: Array, curves: Curves, database: Database
) -> tuple[Array, Array]:
    """Calibrated (n, n) scores of both pipelines, NaN across datasets."""
    calibrated = (np.full(local.shape, np.nan), np.full(local.shape, np.nan))
    for name in sorted(set(database.dataset.tolist())):
        rows = np.flatnonzero(database.dataset == name)
        block = np.ix_(rows, rows)
        calibrated[0][block] = curves[name][GLOBAL](similarity[block])
        calibrated[1][block] = curves[name][LOCAL](local[block])
    return calibrated


def judged_matrices(
    similarity: Array, local: Array, database: Database, validation: Mask
) -> tuple[Array, Array]:
    """As `calibrated_matrices`, each row by curves fitted without the images of its fold.

    Raises DataError where that leaves no pair of one individual.
    """
    folds = individual_folds(database.identity)
    judged = (np.full(local.shape, np.nan), np.full(local.shape, np.nan))
    for fold in range(FOLDS):
        own = folds == fold
        # Neither as queries nor as gallery images may the fold's individuals shape its curve.
        pairs = (validation & ~own)[:, None] & ~own
        _, hits = pair_scores(np.where(pairs, local, np.nan), database.identity)
        if not hits.any():
            raise DataError(TOO_FEW)
        curves = fit_curves(similarity, local, database, pairs)
        judged[0][own], judged[1][own] = (
            part[own] for part in calibrated_matrices(similarity, local, curves, database)
        )
    return judged


def print_calibration_errors(
    similarity: Array, local: Array, curves: Curves, database: Database, validation: Mask
) -> None:
    """Print the error of the pooled curves over the pairs that they were fitted on."""
    for name, matrix in ((GLOBAL, similarity), (LOCAL, local)):
        fitted = np.where(validation[:, None], matrix, np.nan)
        scores, hits = pair_scores(fitted, database.identity)
        error = expected_calibration_error(curves[POOLED][name](scores), hits)
        say(f"{name}: {hits.sum()} pairs of one individual among {len(hits)}, ECE {error:.4f}")
