"""Networks from the files of a submission."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from safetensors.torch import load_file
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def with_weights(network: Network, path: Path) -> Network:
    """Return the network with the weights of a safetensors file, in float32, ready to serve.

    Raises FileNotFoundError, and RuntimeError where the weights are of another network.
    """
    weights = {name: tensor.float() for name, tensor in load_file(path).items()}
    network.load_state_dict(weights)
    return network.eval()
