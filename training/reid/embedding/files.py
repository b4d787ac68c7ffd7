"""What the files of a network with a gallery are called and hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from safetensors.torch import save
from torch import Tensor, nn

NETWORK = "weights/network.safetensors"
GALLERY = "weights/gallery.npz"
REQUIRES = {"numpy": ">=1.26", "Pillow": ">=10.3", "timm": ">=1.0.9", "torch": ">=2.4"}


def network_bytes(network: nn.Module) -> bytes:
    """A safetensors file of all weights and buffers."""
    state: dict[str, Tensor] = {
        name: tensor.contiguous() for name, tensor in network.state_dict().items()
    }
    return save(state)


def threshold_config(found: Mapping[str, Any]) -> dict[str, Any]:
    """`thresholds` and, for the reader, how they were found."""
    return {
        "thresholds": {name: round(item.value, 6) for name, item in found.items()},
        "calibration": {
            name: {
                "threshold_spread": round(item.spread, 4),
                "score": round(item.score, 4),
                "score_spread": round(item.score_spread, 4),
                "rank1": round(item.rank1, 4),
            }
            for name, item in found.items()
        },
    }
