"""Write the files of a submission with one network and a gallery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor, nn

from training.common.base_network import base_files, base_tensors, round_to_half
from training.reid.landmarks.files import LANDMARKS, landmark_files
from training.reid.publish import Build, made_by, publish
from training.reid.thresholds.choose import Threshold
from wildlife_reid.open_set import Gallery, gallery_bytes

NETWORK = "weights/network.safetensors"
GALLERY = "weights/gallery.npz"
PACKAGES = ("numpy", "Pillow", "timm", "torch")


@dataclass(frozen=True)
class Trained:
    """What a submission with one network is made of.

    settings: the part `network` of config.json; arrays: a row for each of the gallery's labels;
    weights: content of the network's file; landmarks: file of the network that brings animals into
    one pose; licence: of the weights.
    """

    weights: bytes
    settings: Mapping[str, Any]
    thresholds: Mapping[str, Threshold]
    gallery: Gallery
    arrays: Mapping[str, NDArray[Any]]
    landmarks: Path | None = None
    licence: str = "Apache-2.0"


def publish_network(name: str, out: Path, made: Trained, command: str, data: Path) -> None:
    """Write the submission `name` into `out`; command and data: for the manifest.

    Raises WriteFailed.
    """
    aligned = {} if made.landmarks is None else {"landmarks": LANDMARKS}
    config = {
        "weights": NETWORK,
        "gallery": GALLERY,
        "network": {**made.settings, **aligned},
        **threshold_config(made.thresholds),
    }
    files = {
        NETWORK: made.weights,
        GALLERY: gallery_bytes(made.gallery, made.arrays),
    }
    source = made_by(command, data)
    origins: dict[str, dict[str, Any]] = {
        path: {"licence": made.licence, "source": source} for path in files
    }
    base, base_origins = base_files(made.settings)
    origins |= base_origins
    files |= {**base, **landmark_files(made.landmarks)}
    publish(Build(name, out, data, command), config, files, PACKAGES, origins)


def network_bytes(network: nn.Module, settings: Mapping[str, Any]) -> bytes:
    """A safetensors file of all weights and buffers, or of those that differ from the base's.

    What differs from a base is rounded to half precision, in the network as in the file. Raises
    TrainingError where half precision cannot hold a value.
    """
    if "base" in settings:
        return round_to_half(network, base_tensors(network, settings))
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
