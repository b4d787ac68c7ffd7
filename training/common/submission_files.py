"""Write what a training script made into a submission folder; the manifest comes last."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.common.atomic import write_all


def write_submission(
    out: Path,
    config: Mapping[str, Any],
    weights: Mapping[str, bytes],
    source: str,
    requires: Mapping[str, str],
    origins: Mapping[str, Mapping[str, str]] | None = None,
) -> int:
    """Write weights, config.json and weights.json.

    All are written under temporary names first, so that a full disk leaves the old ones. Return
    the size of the weights in bytes.

    Args:
        out: the submission's folder.
        config: the content of config.json.
        weights: the bytes of each file, by path in the folder.
        source: the command that made the weights.
        requires: versions of packages by name.
        origins: licence and source of the files that were not made here, by path.
    """
    own = {"licence": "Apache-2.0", "source": source}
    files = [
        {
            "path": name,
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
            **(origins or {}).get(name, own),
        }
        for name, content in weights.items()
    ]
    manifest = {"format": 1, "files": files, "requires": requires}
    contents = {
        **weights,
        "config.json": (json.dumps(config, indent=2) + "\n").encode(),
        "weights.json": (json.dumps(manifest, indent=2) + "\n").encode(),
    }
    write_all(out, contents)
    return sum(len(content) for content in weights.values())
