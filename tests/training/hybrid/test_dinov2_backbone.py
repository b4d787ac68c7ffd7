"""dinov2_ensemble: batches of crosses, and the backbone that is trained from scratch on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.dinov2 import PREPROCESSING, TINY, features_and_labels, some_wings
from training.common.errors import TrainingError
from training.hybrid.dinov2.backbone import BackboneRecipe, Trainer, train_backbone
from training.hybrid.dinov2.crosses import Mixing, Wings, make_batch, mixed, patch_shares, shifted
from training.hybrid.dinov2.heads import fit_mlp

pytestmark = pytest.mark.usefixtures("module_on_one_thread")


# Crosses


def test_shares_lie_between_nothing_and_all_in_as_many_patches_as_asked() -> None:
    shares = patch_shares(
        50, 48, Mixing(fewest_patches=3, most_patches=4), np.random.default_rng(4)
    )
    assert shares.shape == (50, 48, 48)
    assert shares.min() == 0
    assert shares.max() == 1
    assert max(len(torch.unique(share)) for share in shares) <= 4


@pytest.mark.parametrize("same", [True, False])
def test_a_mixture_lies_between_its_parents_and_tells_their_shares(same: bool) -> None:
    wings = some_wings()
    images, classes = mixed(wings, 40, same, Mixing(), np.random.default_rng(5))
    assert classes.sum(dim=1).tolist() == pytest.approx([1.0] * 40)
    assert (classes > 0).sum(dim=1).tolist() == [1 if same else 2] * 40
    lesser = classes.sort(dim=1).values[:, -2]
    assert same or lesser.min() >= 0.2
    for image, shares in zip(images, classes, strict=True):
        parents = wings.pure[np.isin(wings.groups.member, torch.nonzero(shares).ravel())]
        assert torch.all(image <= parents.amax(dim=0) + 1e-5)
        assert torch.all(image >= parents.amin(dim=0) - 1e-5)


def test_crosses_are_made_of_the_allowed_pairs_only() -> None:
    wings = some_wings()
    only = Wings(wings.pure, wings.groups, wings.hybrids, wings.pairs[:, :1])
    _, classes = mixed(only, 30, False, Mixing(), np.random.default_rng(6))
    assert torch.all((classes > 0) == torch.tensor([True, True, False]))


def test_no_shift_leaves_the_image_and_a_shift_keeps_white() -> None:
    wings = some_wings()
    still = Mixing(hue=0, strong_share=0, tone=0, saturation=0, bend=0, shift=0)
    same = shifted(wings.pure, still, np.random.default_rng(7))
    assert torch.allclose(same, wings.pure, atol=1e-4)
    white = torch.ones(4, 3, 48, 48)
    assert torch.allclose(shifted(white, Mixing(), np.random.default_rng(7)), white, atol=1e-5)


def test_a_batch_is_the_same_for_the_same_seed_and_has_all_kinds() -> None:
    wings = some_wings()
    batch, again = (make_batch(wings, 50, Mixing(), np.random.default_rng(8)) for _ in range(2))
    assert torch.equal(batch.images, again.images)
    assert len(batch.images) == 50
    assert batch.hybrid.sum().item() == 25 + 3  # crosses and known hybrids
    assert (batch.classes.sum(dim=1) == 0).sum().item() == 3  # whose parents are unknown


# The backbone from scratch


def test_the_loss_falls_in_a_few_steps(tmp_path: Path) -> None:
    trainer = Trainer(tmp_path, TINY, some_wings(), PREPROCESSING)
    trainer.train()
    assert np.mean(trainer.losses[-3:]) < 0.9 * np.mean(trainer.losses[:3])


def test_a_loss_that_is_no_number_stops_with_advice(tmp_path: Path) -> None:
    wings = some_wings()
    wings.pure[:] = float("nan")
    with pytest.raises(
        TrainingError, match=r"loss is nan in step 1; lower --learning-rate \(now 0.002\)"
    ):
        train_backbone(tmp_path, TINY, wings, PREPROCESSING)
    features, hybrid = features_and_labels()
    with pytest.raises(
        TrainingError, match=r"MLP's loss is nan in step 1; lower --mlp-learning-rate"
    ):
        fit_mlp(features * np.nan, hybrid, (4,), steps=2, learning_rate=0.1, seed=0)


def test_a_checkpoint_is_resumed_by_the_same_training_only(tmp_path: Path) -> None:
    wings = some_wings()
    train_backbone(tmp_path, TINY, wings, PREPROCESSING)
    finished = Trainer(tmp_path, TINY, wings, PREPROCESSING)
    finished.resume()
    assert len(finished.losses) == TINY.steps
    other = BackboneRecipe(hidden=32, layers=1, attention_heads=2, steps=12)
    with pytest.raises(TrainingError, match=r"(?s)holds another run.*hidden: 16 then"):
        Trainer(tmp_path, other, wings, PREPROCESSING).resume()
    (tmp_path / "last.pt").write_bytes(b"damaged")
    with pytest.raises(TrainingError, match="cannot be read as a checkpoint"):
        Trainer(tmp_path, TINY, wings, PREPROCESSING).resume()
