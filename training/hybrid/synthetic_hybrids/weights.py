"""Read and write weights; nothing that is read can run code."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from training.common.atomic import write_bytes
from training.common.errors import ScriptError


class WeightsError(ScriptError):
    """A file of weights is missing or not as expected."""


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read tensors by name from a .safetensors file, or from a plain PyTorch state dict.

    A wrapping {"state_dict": ...} and a "module." in front of the names are taken off.
    Raises WeightsError.
    """
    if not path.is_file():
        raise WeightsError(f"{path} is missing: expected weights (.safetensors or .pth)")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, SafetensorError, pickle.UnpicklingError) as error:
        raise WeightsError(f"{path} cannot be read as weights: {error}") from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    ):
        raise WeightsError(f"{path}: expected a state dict (name: tensor)")
    return {name.removeprefix("module."): value for name, value in content.items()}


def write_weights(path: Path, state: Mapping[str, Tensor]) -> None:
    """Write a .safetensors file, whole or not at all."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    write_bytes(path, save(tensors))
