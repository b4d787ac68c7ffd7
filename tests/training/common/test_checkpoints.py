"""Checkpoints: a killed run gives the same weights, and one of another run is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from training.common.checkpoints import Checkpoint
from training.common.errors import TrainingError

MADE_WITH = {"learning_rate": 0.1, "data": "0123456789abcdef", "layers": [4, 2]}


class Killed(BaseException):
    """As a kill in the middle of a step."""


def train(checkpoint: Checkpoint, epochs: int, die_in: int | None = None) -> nn.Module:
    """A trainer in small: seeded by the epoch, resumed from the checkpoint, saved each epoch."""
    torch.manual_seed(7)
    network = nn.Linear(4, 2)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.1)
    losses: list[float] = []
    if state := checkpoint.read():
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        losses = list(state["losses"])
    while len(losses) < epochs:
        torch.manual_seed(len(losses))
        if len(losses) == die_in:
            raise Killed
        optimiser.zero_grad()
        loss = network(torch.randn(8, 4)).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
        checkpoint.save(
            {
                "network": network.state_dict(),
                "optimiser": optimiser.state_dict(),
                "losses": losses,
            }
        )
    return network


@pytest.mark.parametrize("die_in", [0, 1, 3])
def test_a_killed_run_gives_the_same_weights(tmp_path: Path, die_in: int) -> None:
    whole = train(Checkpoint(tmp_path / "whole.pt", MADE_WITH), 5)
    cut = Checkpoint(tmp_path / "cut.pt", MADE_WITH)
    with pytest.raises(Killed):
        train(cut, 5, die_in)
    resumed = train(cut, 5)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name])


def test_without_a_file_nothing_is_resumed(tmp_path: Path) -> None:
    assert Checkpoint(tmp_path / "none.pt", MADE_WITH).read() is None


def test_a_checkpoint_of_another_run_is_refused_with_every_difference(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    Checkpoint(path, MADE_WITH).save({"losses": [1.0]})
    other = {"learning_rate": 0.2, "layers": [4, 2], "seed": 1}
    with pytest.raises(TrainingError) as refused:
        Checkpoint(path, other).read()
    message = str(refused.value)
    assert f"{path} holds another run; give another --out, or delete it" in message
    assert "learning_rate: 0.1 then, 0.2 now" in message
    assert "data: 0123456789abcdef then, None now" in message
    assert "seed: None then, 1 now" in message
    assert "layers" not in message
    assert Checkpoint(path, MADE_WITH).read() == {"losses": [1.0]}


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04"])
def test_a_damaged_file_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "last.pt"
    path.write_bytes(content)
    with pytest.raises(TrainingError, match="cannot be read as a checkpoint"):
        Checkpoint(path, MADE_WITH).read()
    assert path.read_bytes() == content


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    torch.save({"weights": torch.zeros(2)}, path)
    with pytest.raises(TrainingError, match="cannot be read as a checkpoint"):
        Checkpoint(path, MADE_WITH).read()


def test_a_failed_save_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "last.pt", MADE_WITH)
    checkpoint.save({"losses": [1.0]})
    with pytest.raises(Exception, match="pickle"):
        checkpoint.save({"losses": lambda: None})
    assert checkpoint.read() == {"losses": [1.0]}
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]
