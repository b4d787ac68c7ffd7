"""Networks from the files of a submission."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from safetensors.torch import load_file
from torch import nn

from wildlife_backbone.features import read_base
from wildlife_backbone.tuned import read_tuned

Network = TypeVar("Network", bound=nn.Module)


def with_weights(network: Network, path: Path, base: Path | None = None) -> Network:
    """Return the network with the weights of a safetensors file, in float32, ready to serve.

    base: file of the published weights that training started from; `path` then holds only what
    training changed.

    Raises FileNotFoundError, and RuntimeError or ValueError where weights are of another network.
    """
    if base is not None:
        read_tuned(network, path, read_base(network, base))
        return network.eval()
    weights = {name: tensor.float() for name, tensor in load_file(path).items()}
    network.load_state_dict(weights)
    return network.eval()
