"""The threshold between known and new, where the best one is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from training.common.errors import DataError
from training.reid.database import Database
from training.reid.threshold_report.halves import LEARNED, OURS, half_scores
from training.reid.threshold_report.halves import ORACLE as HALVES_ORACLE
from training.reid.threshold_report.labelled_queries import ORACLE, LabelledQueries
from training.reid.threshold_report.report import RULES, scores_of
from training.reid.threshold_report.report import table as rule_table
from training.reid.threshold_report.systems import System, by_embedding
from training.reid.thresholds import calibrate as script
from training.reid.thresholds.choose import (
    PLATEAU,
    Predictions,
    best_threshold,
    choose_thresholds,
)
from training.reid.thresholds.nearest import nearest_by_cosine, nearest_centroid
from training.reid.thresholds.rules import extreme_value_threshold, robust_z_threshold
from training.reid.thresholds.splits import draw_split, draw_splits
from training.reid.thresholds.validation import validation_images


def rounds_of(known: np.ndarray, new: np.ndarray, wrong: int = 0) -> list[Predictions]:
    """One round; each query is an individual of its own; the first `wrong` known are misnamed."""
    names = np.array([f"k{i}" for i in range(len(known))] + [f"n{i}" for i in range(len(new))])
    nearest = names.copy()
    nearest[:wrong] = "somebody"
    nearest[len(known) :] = "k0"
    is_new = np.arange(len(names)) >= len(known)
    return [Predictions(names, nearest, np.concatenate([known, new]).astype(float), is_new)]


def table(count: int = 24, images: int = 4) -> tuple[np.ndarray, np.ndarray]:
    identity = np.array([f"id_{i:02d}" for i in range(count) for _ in range(images)])
    return identity, np.full(len(identity), "newt")


def test_separate_scores_give_the_middle_of_the_gap() -> None:
    found = best_threshold(rounds_of(np.array([0.8, 0.9, 0.95]), np.array([0.1, 0.2])))
    assert found.value == pytest.approx((0.2 + 0.8) / 2)
    assert found.score == found.ceiling == found.rank1 == 1.0
    assert found.std == 0


def test_of_two_bell_curves_it_is_where_they_cross() -> None:
    rng = np.random.default_rng(0)
    rounds = [rounds_of(rng.normal(1, 0.5, 2000), rng.normal(-1, 0.5, 2000))[0] for _ in range(5)]
    # By symmetry sqrt(BAKS x BAUS) is largest at 0.
    assert best_threshold(rounds).value == pytest.approx(0, abs=0.05)


def test_it_is_the_best_of_all_thresholds_tried_one_by_one() -> None:
    rng = np.random.default_rng(1)
    rounds = [
        rounds_of(rng.normal(0.6, 0.2, 30), rng.normal(0.4, 0.2, 20), wrong=5)[0] for _ in range(4)
    ]
    tried = [np.mean([one.at(t) for one in rounds]) for t in np.linspace(-1, 2, 3001)]
    found = best_threshold(rounds)
    assert PLATEAU * max(tried) <= found.score <= max(tried) + 1e-12
    assert found.rank1 == pytest.approx(25 / 30)
    assert found.ceiling >= found.score


def test_adding_to_all_scores_adds_to_the_threshold() -> None:
    rng = np.random.default_rng(2)
    known, new = rng.normal(0.6, 0.2, 40), rng.normal(0.4, 0.2, 40)
    low, high = (best_threshold(rounds_of(known + c, new + c)).value for c in (0.0, 5.0))
    assert high - low == pytest.approx(5)


def test_scores_that_are_not_finite_are_new_ones() -> None:
    identity, dataset = table()

    def broken(gallery: np.ndarray, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return identity[queries], np.full(len(queries), np.nan)

    with pytest.raises(DataError, match="no query has a finite score"):
        choose_thresholds(broken, identity, dataset, seeds=range(2))


def test_a_split_keeps_new_individuals_out_of_the_gallery() -> None:
    identity, _ = table()
    split = draw_split(identity, np.arange(len(identity)), np.ones(len(identity), bool), 3)
    new = set(identity[split.queries[split.new]])
    assert len(new) == 6  # a quarter of 24
    assert not new & set(identity[split.gallery])
    assert set(identity[split.queries[~split.new]]) <= set(identity[split.gallery])
    assert sorted([*split.gallery, *split.queries]) == list(range(len(identity)))


def test_only_validation_images_are_queries() -> None:
    identity, dataset = table()
    validation = validation_images(identity, dataset, seed=5)
    rows = np.arange(len(identity))
    trained = set(identity[~validation])
    for seed in range(5):
        split = draw_split(identity, rows, validation, seed)
        assert validation[split.queries].all()
        assert not trained & set(identity[split.queries[split.new]])


def test_an_individual_with_one_image_is_never_a_known_query() -> None:
    pairs = [f"pair_{i}" for i in range(8) for _ in range(2)]
    identity = np.array([f"single_{i}" for i in range(8)] + pairs)
    for seed in range(20):
        split = draw_split(identity, np.arange(24), np.ones(24, bool), seed)
        assert set(identity[split.queries[~split.new]]) <= set(pairs)


@pytest.mark.parametrize(
    ("identity", "validation"),
    [
        (["a", "b", "c", "d"], [True] * 4),  # nobody with two images
        (["a", "a", "b", "b"], [False] * 4),  # all trained on
        (["a", "a"], [True] * 2),  # nobody to take out
    ],
)
def test_what_cannot_be_split_is_said(identity: list[str], validation: list[bool]) -> None:
    names = np.array(identity)
    with pytest.raises(DataError, match=r"dataset 'newt': .*expected at least 2"):
        draw_splits(names, np.full(len(names), "newt"), np.array(validation), range(2))


def test_the_validation_images_are_a_quarter_of_each() -> None:
    identity = np.concatenate([[f"{d}{i}"] * (i % 5 + 1) for d in "ab" for i in range(40)])
    dataset = np.array([name[0] for name in identity])
    validation = validation_images(identity, dataset, seed=1)
    for name in "ab":
        own = np.unique(identity[dataset == name])
        whole = [i for i in own if validation[identity == i].all()]
        assert len(whole) == 10
        singles = [i for i in whole if (identity == i).sum() == 1]
        assert len(singles) == 2  # a quarter of the 8 individuals with one image
    for individual in np.unique(identity):
        own = validation[identity == individual]
        assert own.all() or own.sum() == round(len(own) / 4)


def test_calibration_is_the_same_whatever_the_order_of_the_datasets() -> None:
    rng = np.random.default_rng(3)
    identity = np.array([f"{d}{i}" for d in "ab" for i in range(16) for _ in range(3)])
    dataset = np.array([name[0] for name in identity])
    _, code = np.unique(identity, return_inverse=True)
    embedding = rng.normal(size=(32, 16))[code] + rng.normal(size=(96, 16)) * 0.6
    found = choose_thresholds(
        nearest_by_cosine(embedding, identity), identity, dataset, seeds=range(4)
    )
    alone = choose_thresholds(
        nearest_by_cosine(embedding[dataset == "b"], identity[dataset == "b"]),
        identity[dataset == "b"],
        dataset[dataset == "b"],
        seeds=range(4),
    )
    assert found["b"] == alone["b"]
    assert found["a"].score > 0.8


def test_nearest_by_hand() -> None:
    embedding = np.array([[1.0, 0], [0, 1], [0, 3], [0.6, 0.8], [np.nan, 0]])
    identity = np.array(["x", "y", "y", "?", "?"])
    gallery, queries = np.array([0, 1, 2]), np.array([3, 4])
    best, score = nearest_by_cosine(embedding, identity)(gallery, queries)
    assert best[0] == "y"
    assert score.tolist() == [pytest.approx(0.8), -np.inf]
    best, score = nearest_centroid(embedding, identity)(gallery, queries)
    assert best[0] == "x"  # (1, 0) is nearer than (0, 2), the mean of y
    assert score.tolist() == [pytest.approx(-np.sqrt(0.16 + 0.64)), -np.inf]


def test_the_two_other_rules_by_hand() -> None:
    rounds = rounds_of(np.array([0.9]), np.array([0.1, 0.2, 0.3, 0.4, 0.6]))
    assert robust_z_threshold(rounds) == pytest.approx(0.3 + 0.75 * 1.4826 * 0.1)
    rng = np.random.default_rng(4)
    best_of_many = rng.normal(size=(4000, 200)).max(axis=1)
    found = extreme_value_threshold(rounds_of(np.array([9.0]), best_of_many))
    assert (best_of_many < found).mean() == pytest.approx(0.9, abs=0.01)
    assert extreme_value_threshold(rounds_of(np.array([1.0]), np.full(3, 0.5))) == 0.5


def test_the_command_prints_thresholds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    identity, dataset = table()
    _, code = np.unique(identity, return_inverse=True)
    embedding = np.eye(24)[code]
    np.savez(tmp_path / "e.npz", embeddings=embedding, identity=identity, dataset=dataset)
    assert script.main(["--embeddings", str(tmp_path / "e.npz"), "--seeds", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["newt"]
    assert found["value"] == pytest.approx(0.5)
    assert found["score"] == 1
    np.savez(tmp_path / "e.npz", embedding=embedding)
    assert script.main(["--embeddings", str(tmp_path / "e.npz")]) == 1
    assert "identity" in capsys.readouterr().err


def test_the_report_by_hand(tmp_path: Path) -> None:
    """Two-dimensional embeddings: the rules' scores and the oracle's, and the table's share."""
    identity = np.array([f"id_{i:02d}" for i in range(24) for _ in range(3)])
    places = {str(tmp_path / f"{i}.png"): i for i in range(80)}
    paths = tuple(map(Path, places))
    blank = np.full(72, "")
    database = Database(paths[:72], blank, identity, np.full(72, "newt"), blank, blank)
    # Queries: an image of each of the first four individuals, and four of nobody in the gallery.
    queries = LabelledQueries(
        paths[72:],
        np.array([f"id_{i:02d}" for i in range(4)] + [f"new_{i}" for i in range(4)]),
        np.full(8, "newt"),
        np.arange(8) >= 4,
    )

    def embed(asked: Sequence[Path]) -> np.ndarray:
        rows = np.array([places[str(path)] for path in asked])
        individual = np.where(rows < 72, rows // 3, np.where(rows < 76, rows - 72, rows - 52))
        return np.eye(48)[individual]

    nearest = by_embedding(embed, nearest_by_cosine)
    system = System("true patterns", nearest, 1.5, np.ones(72, bool))
    # Rows 76 to 79 look like individuals 24 to 27, whom the database does not have.
    found = scores_of(system, database, queries)
    assert found["ours"] == found[ORACLE] == 1
    assert found["published"] == 0  # a threshold of 1.5 calls everybody new
    assert found[OURS] == found[LEARNED] == found[HALVES_ORACLE] == 1
    assert set(found) == {*RULES, ORACLE, OURS, LEARNED, HALVES_ORACLE}
    last = rule_table({"true patterns": found}).splitlines()[-1]
    assert last.endswith("| 1.000 | 100% | 100% | 100% |")


def lucky_predictions(known: int, new: int, seed: int) -> Predictions:
    """A system whose scores say nothing: the right individual, at scores of chance."""
    rng = np.random.default_rng(seed)
    identity = np.array([f"i{n}" for n in range(known + new)])
    return Predictions(identity, identity, rng.random(known + new), np.arange(known + new) >= known)


def test_the_oracle_has_luck_that_the_other_half_does_not_have() -> None:
    predictions = {"a": lucky_predictions(6, 6, 0), "b": lucky_predictions(6, 6, 1)}
    found = half_scores(predictions, {"a": 0.5, "b": 0.5})
    assert found[LEARNED] < 0.9 * found[HALVES_ORACLE]
    assert found[OURS] <= found[HALVES_ORACLE]
    many = half_scores({"a": lucky_predictions(600, 600, 0)}, {"a": 0.5})
    assert many[LEARNED] > 0.95 * many[HALVES_ORACLE]


def test_halves_by_hand_and_without_a_finite_score() -> None:
    """One known and one new individual in each half: two images each, all scored alike."""
    identity = np.repeat(["k1", "k2", "n1", "n2"], 2)
    new = np.arange(8) >= 4
    score = np.where(new, 0.2, 0.8)
    one = Predictions(identity, np.where(new, "k1", identity), score, new)
    found = half_scores({"a": one}, {"a": 0.9})
    assert (found[OURS], found[LEARNED], found[HALVES_ORACLE]) == (0, 1, 1)
    silent = Predictions(identity, identity, np.full(8, -np.inf), new)
    assert half_scores({"a": silent}, {"a": 0.9})[LEARNED] == 0
    single = Predictions(identity[:6], identity[:6], score[:6], new[:6])
    assert half_scores({"a": one, "b": single}, {"a": 0.9, "b": 0.9}) == {}
