"""What training changed in a network whose base comes from a package.

A tuned file (safetensors, half precision) holds the tensors that differ from the base, and every
tensor that the base does not have, under their names in the network.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn


def read_tuned(network: nn.Module, path: Path, from_base: Collection[str] = ()) -> None:
    """Put the tensors of a tuned file into the network, in float32.

    from_base: names of tensors that the base brought; all others must be in the file.

    Raises FileNotFoundError, or ValueError that names all tensors that are unknown, missing, of
    another shape, or not finite.
    """
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    own = network.state_dict()
    problems = [f"{name}: the network has no such tensor" for name in tensors.keys() - own.keys()]
    problems += [
        f"{name}: missing"
        for name in own.keys() - tensors.keys() - set(from_base)
        if not name.endswith("num_batches_tracked")
    ]
    for name in tensors.keys() & own.keys():
        found, expected = tuple(tensors[name].shape), tuple(own[name].shape)
        if found != expected:
            problems.append(f"{name}: expected shape {expected}, found {found}")
        elif not bool(torch.isfinite(tensors[name]).all()):
            problems.append(f"{name}: a value is not finite")
    if problems:
        shown = "; ".join(sorted(problems)[:5])
        more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise ValueError(f"{path} does not fit the network of config.json: {shown}{more}")
    network.load_state_dict({name: one.float() for name, one in tensors.items()}, strict=False)
