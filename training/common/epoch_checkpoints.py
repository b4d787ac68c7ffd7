"""Save a trainer after each epoch and resume it there: the parts with a state, and the losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from training.common.checkpoints import Checkpoint
from training.common.console import say


@dataclass(frozen=True)
class EpochCheckpoint:
    """The checkpoint of a trainer whose state is its parts and the losses of its epochs.

    Args:
        checkpoint: None keeps nothing.
        parts: networks, losses with weights, the optimiser and the scaler of gradients (None
            where there is none), by name, on one device.
        unit: what has one loss each.
    """

    checkpoint: Checkpoint | None
    parts: Mapping[str, nn.Module | torch.optim.Optimizer | torch.amp.GradScaler | None]
    unit: str = "epoch"

    def save(self, losses: list[float]) -> None:
        """Save the parts as they are, and the loss of each finished epoch."""
        if self.checkpoint is not None:
            states = {name: part.state_dict() for name, part in self._kept()}
            self.checkpoint.save({**states, "losses": losses})

    def resume(self, device: torch.device) -> list[float]:
        """Load the saved parts, and return the losses; [] where nothing is saved.

        Raises TrainingError where the checkpoint is of another run.
        """
        state = self.checkpoint.read(device) if self.checkpoint else None
        if state is None:
            return []
        for name, part in self._kept():
            part.load_state_dict(state[name])
        losses = list(state["losses"])
        say(f"resumed after {self.unit} {len(losses)}")
        return losses

    def _kept(self) -> list[tuple[str, Any]]:
        """The parts that are there."""
        return [(name, part) for name, part in self.parts.items() if part is not None]
