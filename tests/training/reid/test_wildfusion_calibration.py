"""Calibration curves of `wildfusion`, and the shortlist and mean of calibrated scores."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from training.common.errors import DataError
from training.reid import wildfusion
from training.reid.database import Database
from training.reid.matching.calibration_curves import (
    fit_curves,
    fit_datasets,
    fit_isotonic,
    judged_matrices,
    pair_scores,
)
from training.reid.thresholds.validation import FOLDS, individual_folds
from wildlife_reid.calibration import Calibration, from_json
from wildlife_reid.fusion import GLOBAL, LOCAL, fuse, shortlist


def pool_adjacent_violators(hits: list[float]) -> list[float]:
    """Isotonic regression of values in order of distinct scores, by its definition."""
    blocks: list[list[float]] = []
    for hit in hits:
        blocks.append([hit])
        while len(blocks) > 1 and np.mean(blocks[-2]) > np.mean(blocks[-1]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    return [float(np.mean(block)) for block in blocks for _ in block]


def test_isotonic_knots_by_hand() -> None:
    # Hits in order of score: 0 | 1 0 pooled to 1/2 | 1.  Thresholds kept: 1, 2, 3, 4.
    curve = fit_isotonic([1.0, 2.0, 3.0, 4.0], [False, True, False, True])
    assert curve.x == (1.0, 1.5, 2.5, 3.5, 4.0)
    assert curve.y == pytest.approx((0.0, 0.25, 0.5, 0.75, 1.0))
    assert curve([1.0, 2.5, 4.0]) == pytest.approx([0.0, 0.5, 1.0])
    assert curve([0.9, 4.1]) == pytest.approx([0.0, 1.0])


@pytest.mark.parametrize("seed", range(6))
def test_at_its_knots_the_curve_is_the_pooled_regression(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.sort(rng.normal(size=60))
    hits = rng.random(60) < 1 / (1 + np.exp(-2 * scores))
    oracle = pool_adjacent_violators(hits.astype(float).tolist())
    curve = fit_isotonic(scores, hits)
    expected = np.interp(curve.x, scores, oracle)
    assert curve(curve.x) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_interpolation_is_monotone_and_breaks_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=200)
    curve = fit_isotonic(scores, rng.random(200) < 0.5)
    dense = curve(np.linspace(-4, 4, 4001))
    assert np.all(np.diff(dense) >= 0)
    assert dense.min() >= -1e-12
    assert dense.max() <= 1 + 1e-12
    flat = Calibration((0.0, 2.0), (0.5, 0.5))
    assert flat(1.9) > flat(1.0) > flat(0.1)


def test_a_pair_that_was_not_scored_stays_unscored() -> None:
    curve = Calibration((0.0, 1.0), (0.0, 1.0))
    assert np.isnan(curve([np.nan, 0.5])).tolist() == [True, False]
    assert from_json(json.loads(json.dumps(curve.as_json()))) == curve


@pytest.mark.parametrize(
    ("x", "y"),
    [((1.0, 0.0), (0.0, 1.0)), ((0.0, 1.0), (1.0, 0.0)), ((0.0,), (0.0, 1.0)), ((0.0,), (1.5,))],
)
def test_a_curve_that_is_none_is_refused(x: tuple[float, ...], y: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="calibration"):
        Calibration(x, y)


@pytest.mark.parametrize("hits", [[True, True], [False, False]])
def test_both_kinds_of_pairs_are_needed(hits: list[bool]) -> None:
    with pytest.raises(DataError, match="both kinds are needed"):
        fit_isotonic([0.0, 1.0], hits)


def test_a_image_with_itself_is_no_pair() -> None:
    matrix = np.array([[9.0, 1.0, 2.0], [1.0, 9.0, np.nan], [2.0, np.nan, 9.0]])
    scores, hits = pair_scores(matrix, np.array(["a", "a", "b"]))
    assert sorted(scores.tolist()) == [1.0, 1.0, 2.0, 2.0]
    assert hits.sum() == 2


def test_a_dataset_with_few_hits_gets_the_pooled_curve() -> None:
    rng = np.random.default_rng(0)
    identity = np.array([f"a{n // 5}" for n in range(30)] + ["b0", "b0", "b1"])
    dataset = np.array(["a"] * 30 + ["b"] * 3)
    matrix = rng.normal(size=(33, 33)) + 2 * (identity[:, None] == identity)
    matrix[dataset[:, None] != dataset] = np.nan
    curves = fit_datasets(matrix, identity, dataset, "")
    assert curves["b"] == curves[""]
    assert curves["a"] != curves[""]


def drawn_pairs(individuals: int, images: int) -> tuple[np.ndarray, Database]:
    """Scores (n, n), higher for two images of one individual, and their table; one dataset."""
    identity = np.array([f"i{n // images}" for n in range(individuals * images)])
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(len(identity),) * 2) + 2 * (identity[:, None] == identity)
    blank = np.full(len(identity), "")
    paths = tuple(Path(f"{n}.jpg") for n in range(len(identity)))
    return matrix, Database(paths, blank, identity, np.full(len(identity), "a"), blank, blank)


def test_a_querys_curve_did_not_see_its_individual() -> None:
    matrix, database = drawn_pairs(20, 4)
    validation = np.ones(len(matrix), dtype=np.bool_)
    before = judged_matrices(matrix, matrix, database, validation)
    folds = individual_folds(database.identity)
    for fold in range(FOLDS):
        own = folds == fold
        changed = matrix.copy()
        changed[own] = 50.0  # what these images say as queries, and as gallery images
        changed[:, own] = 50.0
        curves = fit_curves(changed, changed, database, ~own[:, None] & ~own[None, :])
        for part, name in zip(before, (GLOBAL, LOCAL), strict=True):
            assert np.array_equal(part[own], curves["a"][name](matrix[own]))


def test_queries_that_were_trained_on_bend_no_curve() -> None:
    matrix, database = drawn_pairs(10, 4)
    validation = np.arange(len(matrix)) % 4 > 0
    changed = np.where(validation[:, None], matrix, 50.0)
    before, after = (
        fit_curves(one, one, database, validation[:, None]) for one in (matrix, changed)
    )
    assert before == after


def test_pairs_of_one_individual_in_one_fold_are_told() -> None:
    for individuals, images in ((1, 4), (4, 1)):
        matrix, database = drawn_pairs(individuals, images)
        with pytest.raises(DataError, match="several images in at least two of the 5 folds"):
            judged_matrices(matrix, matrix, database, np.ones(4, dtype=np.bool_))


def test_shortlist_is_the_best_in_order() -> None:
    priority = np.array([0.2, np.nan, 0.9, 0.2, -np.inf, 0.5])
    assert shortlist(priority, 3).tolist() == [2, 5, 0]
    assert shortlist(priority, 99).tolist() == [2, 5, 0, 3]
    assert shortlist(priority, 0).tolist() == []
    assert shortlist(np.zeros(0), 5).tolist() == []


def test_what_one_pipeline_did_not_score_is_out() -> None:
    fused = fuse([np.array([0.2, 0.8, np.nan]), np.array([0.4, np.nan, np.nan])])
    assert fused.tolist() == pytest.approx([0.3, -np.inf, -np.inf])


def test_with_a_full_shortlist_nothing_is_cut() -> None:
    rng = np.random.default_rng(3)
    similarity, local = rng.random((20, 20)), rng.random((20, 20))
    identity = np.array([f"i{n // 2}" for n in range(20)])
    nearest = wildfusion.nearest_of(similarity, (similarity, local), identity, 99)
    gallery, queries = np.arange(12), np.arange(12, 20)
    best, score = nearest(gallery, queries)
    whole = (similarity + local)[np.ix_(queries, gallery)] / 2
    assert score == pytest.approx(whole.max(axis=1))
    assert best.tolist() == identity[gallery[whole.argmax(axis=1)]].tolist()
    first_only = wildfusion.nearest_of(similarity, (similarity, local), identity, 1)
    assert first_only(gallery, queries)[0].tolist() == (
        identity[gallery[similarity[np.ix_(queries, gallery)].argmax(axis=1)]].tolist()
    )
