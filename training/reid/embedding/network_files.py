"""Names and contents of the files of a submission with one network and a gallery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from safetensors.torch import save
from torch import Tensor, nn

from training.reid.thresholds.choose import Threshold

NETWORK = "weights/network.safetensors"
GALLERY = "weights/gallery.npz"
REQUIRES = {"numpy": ">=1.26", "Pillow": ">=10.3", "timm": ">=1.0.9", "torch": ">=2.4"}


def network_bytes(network: nn.Module) -> bytes:
    """A safetensors file of all weights and buffers."""
    state: dict[str, Tensor] = {
        name: tensor.contiguous() for name, tensor in network.state_dict().items()
    }
    return save(state)


def threshold_config(thresholds: Mapping[str, Threshold]) -> dict[str, Any]:
    """The `thresholds` of config.json and, for the reader, how well they do in validation."""
    return {
        "thresholds": {name: round(item.value, 6) for name, item in thresholds.items()},
        "calibration": {
            name: {
                "threshold_std": round(item.std, 4),
                "score": round(item.score, 4),
                "score_std": round(item.score_std, 4),
                "rank1": round(item.rank1, 4),
            }
            for name, item in thresholds.items()
        },
    }
