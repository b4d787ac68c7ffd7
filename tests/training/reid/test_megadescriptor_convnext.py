"""Retrieval and a classifier: the rule of agreement, the classifier's training, the submission."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.support.retrieval import TINY_CLASSIFIER as TINY
from training.common.checkpoints import Checkpoint
from training.common.errors import TrainingError
from training.reid import megadescriptor_convnext
from training.reid.embedding import classifier as convnext_training
from training.reid.embedding.classifier import Recipe, Trainer, rate_factor
from wildlife_reid.agreement import agreed, confidence, per_individual
from wildlife_reid.identity_classifier import identity_classifier, logits

pytestmark = pytest.mark.usefixtures("one_thread")


def test_agreement_combines_and_disagreement_discounts() -> None:
    both = agreed(np.array([0.6, 0.2]), np.array([0.5, 0.4]), 0.7)
    assert both == pytest.approx([0.8, 0.28])
    apart = agreed(np.array([0.6, 0.2]), np.array([0.3, 0.9]), 0.7)
    assert apart == pytest.approx([0.42, 0.63])


def test_a_classifier_that_says_nothing_does_not_agree() -> None:
    assert agreed(np.array([0.6, 0.2]), np.zeros(2), 0.5) == pytest.approx([0.3, 0.1])
    silent = agreed(np.array([0.6, np.nan]), np.array([np.nan, np.nan]), 0.5)
    assert silent == pytest.approx([0.3, 0.0])
    assert agreed(np.zeros(0), np.zeros(0), 0.5).tolist() == []


def test_agreement_never_lowers_and_stays_a_probability() -> None:
    rng = np.random.default_rng(0)
    for first, second in rng.random((200, 2, 5)):
        scores = agreed(first, second, 0.8)
        assert scores.min() >= 0
        assert scores.max() <= 1
        if first.argmax() == second.argmax():
            assert scores.max() >= max(first.max(), second.max())


def test_confidence_is_a_softmax_over_the_candidates() -> None:
    classes = np.array(["a", "b", "c"])
    found = confidence(np.array([1.0, 9.0, 1.0]), classes, np.array(["a", "c", "d"]))
    assert found == pytest.approx([0.5, 0.5, 0.0])
    nothing = confidence(np.array([1.0, 9.0, 1.0]), classes, np.array(["d"]))
    assert nothing.tolist() == [0.0]
    broken = confidence(np.array([np.nan, 1.0, 1.0]), classes, np.array(["a", "c"]))
    assert broken.tolist() == [0.0, 0.0]


def test_an_individual_has_its_best_images_score() -> None:
    found = per_individual(np.array([0.1, 0.5, 0.3]), np.array([0, 1, 0]), 2)
    assert found.tolist() == [0.3, 0.5]


def test_the_rate_goes_up_and_then_down_in_lines() -> None:
    assert rate_factor(0.0, 0.1) < 0.02
    assert rate_factor(0.1, 0.1) == pytest.approx(1.0)
    assert rate_factor(0.55, 0.1) == pytest.approx(0.5)
    assert rate_factor(1.0, 0.1) == pytest.approx(1e-3)


def pixels_and_labels() -> tuple[torch.Tensor, np.ndarray]:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 255, (12, 3, 32, 32), dtype=torch.uint8, generator=generator)
    return pixels, np.arange(12) % 3


def trainer_in(folder: Path, recipe: Recipe, images: str = "d") -> Trainer:
    return Trainer(Checkpoint(folder / "last.pt", {"images": images}), TINY, recipe, 3)


def test_a_resumed_training_ends_with_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels, labels = pixels_and_labels()
    recipe = Recipe(epochs=2, batch=6, learning_rate=1e-3)
    whole = trainer_in(tmp_path / "whole", recipe).train(pixels, labels)

    def cut_off(epoch: int, loss: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(convnext_training, "say_epoch", cut_off)  # called right after saving
        with pytest.raises(KeyboardInterrupt):
            trainer_in(tmp_path / "cut", recipe).train(pixels, labels)
    resumed = trainer_in(tmp_path / "cut", recipe).train(pixels, labels)
    pairs = zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    assert all(torch.equal(first, second) for first, second in pairs)


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    pixels, labels = pixels_and_labels()
    recipe = Recipe(epochs=1, batch=6, learning_rate=1e-3)
    trainer_in(tmp_path, recipe, "one").train(pixels, labels)
    with pytest.raises(TrainingError, match="images: one then, other now"):
        trainer_in(tmp_path, recipe, "other").train(pixels, labels)


def test_a_loss_that_is_not_a_number_stops(tmp_path: Path) -> None:
    pixels, labels = pixels_and_labels()
    trainer = trainer_in(tmp_path, Recipe(epochs=1, batch=6, learning_rate=1e-3))
    with torch.no_grad():
        for parameter in trainer.network.parameters():
            parameter.fill_(float("nan"))
    with pytest.raises(
        TrainingError, match="loss is nan in epoch 1, step 1; lower --learning-rate"
    ):
        trainer.train(pixels, labels)
    assert not (tmp_path / "last.pt").exists()


def test_a_start_may_have_other_classes_and_nothing_else(tmp_path: Path) -> None:
    torch.manual_seed(1)
    given = identity_classifier(TINY, 7)
    save_file(given.state_dict(), tmp_path / "start.safetensors")
    network = identity_classifier(TINY, 3)
    megadescriptor_convnext.start(network, tmp_path / "start.safetensors")
    first = "stem.0.weight"
    assert torch.equal(network.state_dict()[first], given.state_dict()[first])
    other = identity_classifier({**TINY, "arguments": {"dims": [8, 8, 8, 8]}}, 3)
    with pytest.raises(TrainingError, match="expected a state dict of this network"):
        megadescriptor_convnext.start(other, tmp_path / "start.safetensors")


def test_the_full_preset_has_the_published_values() -> None:
    network, recipe = convnext_training.NETWORKS["full"], convnext_training.RECIPES["full"]
    assert (network["architecture"], network["image_size"]) == ("convnext_xlarge", 384)
    assert (recipe.epochs, recipe.batch, recipe.learning_rate) == (30, 8, 8e-5)
    assert (recipe.weight_decay, recipe.warm_up) == (0.01, 0.1)


@pytest.mark.slow
def test_a_full_size_convnext_trains_two_steps_and_answers(tmp_path: Path) -> None:
    """convnext_base at 384: optimiser states of convnext_xlarge (350 M) do not fit into 8 GB."""
    settings = {**convnext_training.NETWORKS["full"], "architecture": "convnext_base"}
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 255, (4, 3, 384, 384), dtype=torch.uint8, generator=generator)
    recipe = Recipe(epochs=1, batch=2, learning_rate=8e-5)
    trainer = Trainer(Checkpoint(tmp_path / "last.pt", {}), settings, recipe, 2)
    network = trainer.train(pixels, np.array([0, 1, 0, 1]))
    for one in pixels[:2]:
        found = logits(network, one.float() / 255)
        assert found.shape == (2,)
        assert np.isfinite(found).all()
