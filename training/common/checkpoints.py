"""Checkpoints of all trainers: one file, one form, one policy for a checkpoint of another run.

A checkpoint holds the state of a trainer and what it was made with: the recipe, and digests of the
data and of the start weights. A trainer resumes its own checkpoint only. One of another run is
refused with the settings that differ, so that no trained weights are lost or mixed.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from training.common.atomic import discard, replaced
from training.common.errors import TrainingError
from training.common.processes import precision

_UNREADABLE = (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError)
_ADVICE = "give another --out, or delete it to start again"


@dataclass(frozen=True)
class Checkpoint:
    """The checkpoint of one training run.

    Args:
        path: the file.
        made_with: all that decides the result (settings, digests) by name, as plain values; mixed
            precision is added to them.
    """

    path: Path
    made_with: Mapping[str, Any]

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace the file in one step. `state`: tensors, numbers, text, lists and dicts only."""
        content = {"made with": self._made_with(), "state": dict(state)}
        with replaced(self.path) as temporary:
            torch.save(content, temporary)

    def discard(self) -> None:
        """Remove the file: a run that cannot be resumed must not block one with other settings."""
        discard(self.path)

    def read(self, device: torch.device | str = "cpu") -> dict[str, Any] | None:
        """Return the saved state, with tensors on `device`; None where no file exists.

        Raises TrainingError: the file is no checkpoint, or one of another run; the message names
        every setting that differs.
        """
        if not self.path.is_file():
            return None
        try:
            content = torch.load(self.path, map_location=device, weights_only=True)
            theirs, state = dict(content["made with"]), dict(content["state"])
        except _UNREADABLE as error:
            kind = type(error).__name__
            raise TrainingError(
                f"{self.path} cannot be read as a checkpoint ({kind}); {_ADVICE}"
            ) from error
        if different := _differences(theirs, self._made_with()):
            lines = "\n  ".join([f"{self.path} holds another run; {_ADVICE}", *different])
            raise TrainingError(lines)
        return state

    def _made_with(self) -> dict[str, Any]:
        mixed = {} if precision() == "no" else {"mixed precision": precision()}
        return {**self.made_with, **mixed}


def _differences(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    """One line for each setting that differs between a checkpoint and this run."""
    return [
        f"{name}: {theirs.get(name)} then, {ours.get(name)} now"
        for name in sorted({*theirs, *ours})
        if theirs.get(name) != ours.get(name)
    ]
