"""Heads on features: losses by hand, training, resuming, baselines, search, calibration."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.utils.class_weight import compute_class_weight

from training.common.checkpoints import Checkpoint
from training.common.errors import DataError, TrainingError
from training.family import search
from training.family.calibration import temperature_of
from training.family.heads.baselines import BASELINES, NEVER, from_scratch
from training.family.heads.logistic import fit_logistic
from training.family.heads.losses import FamilyLoss, balanced_weights, mixed
from training.family.heads.recipe import HeadRecipe
from training.family.heads.trainer import HeadTrainer, Labelled, logits_of
from training.family.heads.tuning import TuningRecipe
from training.family.measures import Answers, calibration_error, measured
from training.family.recipe import Recipe
from training.family.split import folds, repeated_folds, validation_rows
from wildlife_family.networks import Head
from wildlife_family.taxonomy import Taxonomy

pytestmark = pytest.mark.usefixtures("one_thread")

FAMILIES = 4
SMALL = HeadRecipe(units=16, epochs=6, learning_rate=0.05)


def blobs(each: int = 20, seed: int = 0) -> Labelled:
    """Features (n, 2, 8) of four families, well apart, in two copies."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(FAMILIES), each)
    centres = np.random.default_rng(7).normal(0, 3, (FAMILIES, 8))
    features = centres[labels][:, None] + rng.normal(0, 1, (len(labels), 2, 8))
    return Labelled(features.astype(np.float32), labels)


def test_class_weights_are_scikit_learns_balanced_ones() -> None:
    labels = np.array([0, 0, 0, 1, 2, 2])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert balanced_weights(labels, 3) == pytest.approx(expected)
    assert balanced_weights(labels, 4)[3] == 0  # a family without an image


def test_the_loss_by_hand() -> None:
    labels = np.array([0, 0, 0, 1])
    logits = torch.log(torch.tensor([[0.5, 0.5], [0.2, 0.8]]))
    recipe = replace(SMALL, smoothing=0.2, focal=2.0)
    loss = FamilyLoss(recipe, labels, 2)
    first = -(0.9 * np.log(0.5) * 0.25 + 0.1 * np.log(0.5) * 0.25)
    second = -(0.1 * np.log(0.2) * 0.64 + 0.9 * np.log(0.8) * 0.04)
    weights = [0.9 * (2 / 3) + 0.1 * 2, 0.1 * (2 / 3) + 0.9 * 2]
    expected = (first * weights[0] + second * weights[1]) / sum(weights)
    found = loss(logits, loss.targets(torch.tensor([0, 1])))
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_mixed_features_have_mixed_targets() -> None:
    features, targets = torch.eye(4), torch.eye(4)
    shown, wanted = mixed(features, targets, 0.4, torch.Generator().manual_seed(1))
    assert torch.allclose(shown, wanted)
    assert torch.allclose(wanted.sum(dim=1), torch.ones(4))
    assert torch.equal(mixed(features, targets, 0.0, torch.Generator())[0], features)


def test_a_head_learns_and_the_best_epoch_is_kept() -> None:
    validation = blobs(seed=1)
    trainer = HeadTrainer(SMALL, blobs(), FAMILIES, validation)
    head = trainer.train()
    named = logits_of(head, validation.features).argmax(axis=1)
    assert (named == validation.labels).mean() > 0.9
    assert trainer.progress.best == int(np.argmin(trainer.progress.validation))


def test_training_ends_early_and_the_learning_rate_falls() -> None:
    noise = blobs()
    rng = np.random.default_rng(0)
    unlearnable = Labelled(noise.features, rng.permutation(noise.labels))
    trainer = HeadTrainer(replace(SMALL, epochs=40), unlearnable, FAMILIES, blobs(seed=1))
    trainer.train()
    assert len(trainer.progress.training) == trainer.progress.best + 1 + SMALL.patience
    assert trainer._optimiser.param_groups[0]["lr"] < SMALL.learning_rate


def test_a_killed_training_ends_with_the_same_head(tmp_path: Path) -> None:
    whole = HeadTrainer(SMALL, blobs(), FAMILIES, blobs(seed=1)).train().state_dict()
    made_with = {"recipe": "a"}
    killed = HeadTrainer(
        SMALL, blobs(), FAMILIES, blobs(seed=1), Checkpoint(tmp_path / "head.pt", made_with)
    )
    killed.advance()
    killed._save()
    resumed = HeadTrainer(
        SMALL, blobs(), FAMILIES, blobs(seed=1), Checkpoint(tmp_path / "head.pt", made_with)
    )
    for name, tensor in resumed.train().state_dict().items():
        assert torch.equal(tensor, whole[name]), name
    other = Checkpoint(tmp_path / "head.pt", {"recipe": "b"})
    with pytest.raises(TrainingError, match="recipe: a then, b now"):
        HeadTrainer(SMALL, blobs(), FAMILIES, None, other).train()


def test_a_loss_that_is_not_finite_says_where_and_what_to_do() -> None:
    broken = blobs()
    broken.features[3] = np.inf
    with pytest.raises(TrainingError, match=r"the loss is nan in epoch 1, step \d: lower --learn"):
        HeadTrainer(SMALL, broken, FAMILIES).train()


def test_a_loss_that_is_not_finite_leaves_no_checkpoint_in_the_way(tmp_path: Path) -> None:
    path = tmp_path / "head.pt"
    high = replace(SMALL, learning_rate=1e30)
    with pytest.raises(TrainingError, match="lower --learning-rate"):
        HeadTrainer(
            high, blobs(), FAMILIES, blobs(seed=1), Checkpoint(path, {"recipe": "high"})
        ).train()
    low = HeadTrainer(SMALL, blobs(), FAMILIES, blobs(seed=1), Checkpoint(path, {"recipe": "low"}))
    assert low.train()
    assert path.is_file()


def test_the_head_does_not_depend_on_how_it_will_be_tuned() -> None:
    one, other = (Recipe(tuning=TuningRecipe(tuning_rate=rate)) for rate in (1e-7, 1e-6))
    assert one.made_with() != other.made_with()
    assert one.head_made_with() == other.head_made_with()


def test_an_unknown_optimiser() -> None:
    with pytest.raises(TrainingError, match="'sgd': expected adagrad or adam"):
        HeadTrainer(replace(SMALL, optimiser="sgd"), blobs(), FAMILIES)


def test_the_published_values() -> None:
    recipe = HeadRecipe()
    assert (recipe.hidden, recipe.dropout, recipe.optimiser) == ((600,), 0.4, "adagrad")
    assert (recipe.learning_rate, recipe.epochs, recipe.class_weights) == (0.01, 20, 1)
    assert (recipe.patience, recipe.plateau_factor, recipe.plateau_patience) == (3, 0.1, 2)
    tuning = Recipe().tuning
    assert (tuning.tuned_layers, tuning.tuning_rate) == (5, 1e-7)


def test_logistic_regression_is_scikit_learns() -> None:
    given = blobs()
    rows = given.features[:, 0].astype(np.float64)
    scaled = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    # The mean of one example's loss here is the sum there.
    model = LogisticRegression(C=0.1, class_weight="balanced", max_iter=500, tol=1e-8)
    expected = model.fit(scaled, given.labels).decision_function(scaled)
    head = fit_logistic(given.features[:, :1], given.labels, FAMILIES, 0.1)
    found = logits_of(head, given.features[:, :1])
    centred = found - found.mean(axis=1, keepdims=True)
    assert centred == pytest.approx(expected - expected.mean(axis=1, keepdims=True), abs=0.02)


def test_a_family_without_an_image_is_never_named() -> None:
    given = blobs()
    for head in (
        fit_logistic(given.features, given.labels, FAMILIES + 1, 0.1),
        HeadTrainer(SMALL, given, FAMILIES + 1).train(),
    ):
        named = logits_of(head, given.features).argmax(axis=1)
        assert FAMILIES not in named.tolist()


@pytest.mark.parametrize("name", list(BASELINES))
def test_baselines_name_families_that_lie_apart(name: str) -> None:
    fit, seen = blobs(), blobs(seed=1)
    found = BASELINES[name](fit.features[:, 0], fit.labels, seen.features[:, 0], FAMILIES + 1)
    assert (found.argmax(axis=1) == seen.labels).mean() > 0.9
    assert (found[:, FAMILIES] <= max(NEVER, np.log(0.01))).all()


def test_a_network_from_scratch_learns_colours() -> None:
    labels = np.repeat(np.arange(2), 12)
    squares = torch.zeros(24, 3, 16, 16, dtype=torch.uint8)
    squares[torch.from_numpy(labels == 1), 0] = 200
    found = from_scratch(squares, labels, squares, 2, epochs=6)
    assert (found.argmax(axis=1) == labels).all()


def test_folds_spread_families_and_name_each_image_once() -> None:
    family = np.array(["a"] * 20 + ["b"] * 7 + ["c"] * 2)
    fold = folds(family, 5)
    assert np.bincount(fold[:20]).tolist() == [4] * 5
    assert set(np.bincount(fold[20:27]).tolist()) == {1, 2}
    seen = [rows for _, rows in repeated_folds(family, 5, 2)]
    assert sorted(np.concatenate(seen).tolist()) == sorted([*range(29), *range(29)])
    assert all(not set(fit) & set(rows) for fit, rows in repeated_folds(family, 5, 1))


def test_a_tenth_is_for_validation_and_single_images_are_trained_on() -> None:
    family = np.array(["a"] * 60 + ["b"] * 39 + ["c"])
    rows = validation_rows(family)
    assert len(rows) in (9, 10)
    assert 99 not in rows.tolist()
    assert np.array_equal(rows, validation_rows(family))


def test_calibration_error_by_hand() -> None:
    confidence = np.array([0.95, 0.97, 0.52, 0.52])
    right = np.array([True, False, True, True])
    # Bins of a fifteenth: |0.5 - 0.96| and |1 - 0.52|, two images each.
    assert calibration_error(confidence, right) == pytest.approx((0.46 + 0.48) / 2)


def test_measures_know_the_phyla() -> None:
    taxonomy = Taxonomy(("a", "b", "c"), ("x", "x", "y"))
    logits = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]])
    found = measured(Answers(taxonomy, logits, np.array(["a", "b"]), np.array(["x", "x"])))
    assert (found["accuracy"], found["masked_accuracy"]) == (0.5, 1.0)


def test_the_temperature_undoes_a_scale() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1, (4000, 3))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (rng.random((4000, 1)) > shares.cumsum(axis=1)).sum(axis=1)
    assert temperature_of(logits * 3, labels) == pytest.approx(3, rel=0.15)
    assert temperature_of(logits[:5], labels[:5]) == 1


def test_a_search_resumes_and_keeps_its_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = blobs(10)
    family = np.array(["abcd"[k] for k in given.labels])
    prepared = search.Prepared(given.features, given.labels, folds(family, 5))
    monkeypatch.setattr(search, "prepare", lambda data, recipe: prepared)
    (tmp_path / "train.csv").write_text("filename,family,phylum\n")
    recipe = Recipe(head=replace(SMALL, epochs=3))
    search.search(tmp_path, tmp_path / "out", recipe, 2)
    text = search.search(tmp_path, tmp_path / "out", recipe, 3)
    assert "The best 3 of 3 trials" in text
    assert "2 of 3 trials are finished" in capsys.readouterr().out
    with (tmp_path / "out" / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    assert len({tuple(row[name] for name in search.VARIED) for row in rows}) == 3
    assert (tmp_path / "out" / "trials.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(DataError, match="give another --out"):
        search.search(tmp_path, tmp_path / "out", replace(recipe, copies=9), 3)


def test_heads_of_202_families_fit_into_git() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(202), 2)
    features = rng.normal(0, 1, (404, 1, 64)).astype(np.float32)
    features[:, 0, :] += rng.normal(0, 3, (202, 64)).astype(np.float32)[labels]
    given = Labelled(features, labels)
    linear = fit_logistic(features, labels, 202, 0.05)
    dense = HeadTrainer(HeadRecipe(), given, 202).train()
    for head in (linear, dense):
        assert (logits_of(head, features).argmax(axis=1) == labels).mean() > 0.8
    joint = Head(4 * 1280, 202, [], 0.0)  # of two_lite_towers
    published = Head(1280, 202, HeadRecipe().hidden, 0.4)
    for head in (joint, published):
        assert sum(2 * tensor.numel() for tensor in head.state_dict().values()) < 2.5e6
