"""Write a submission's network, gallery, config and manifest; the manifest comes last."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
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


def write_submission(
    out: Path,
    config: Mapping[str, Any],
    files: Mapping[str, bytes],
    source: str,
    licences: Mapping[str, str],
) -> int:
    """Write `files` (path in the folder: content), config.json and weights.json; returns bytes."""
    entries = [
        {
            "path": path,
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
            "licence": licences[path],
            "source": source,
        }
        for path, content in files.items()
    ]
    manifest = {"format": 1, "files": entries, "requires": REQUIRES}
    contents = [
        *((out / path, content) for path, content in files.items()),
        (out / "config.json", (json.dumps(config, indent=2) + "\n").encode()),
        (out / "weights.json", (json.dumps(manifest, indent=2) + "\n").encode()),
    ]
    for path, content in contents:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(path.name + ".part").write_bytes(content)
    for path, _ in contents:
        path.with_name(path.name + ".part").replace(path)
    return sum(len(content) for content in files.values())


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
