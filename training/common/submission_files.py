"""Write what a training script made into a submission folder; the manifest comes last.

A folder that is not the shipped one gets the submission's code too, so that it runs as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from kit.trees import regular_items
from training.common.atomic import write_all

ROOT = Path(__file__).resolve().parents[2]
SUBMISSIONS = ROOT / "submissions"
MANIFEST, CONFIG = "weights.json", "config.json"
# What training makes, and what describes the shipped artifacts only.
NOT_CODE = ("weights", MANIFEST, CONFIG, "README.md", "__pycache__")


def code_of(name: str) -> dict[str, bytes]:
    """Return the code of a shipped submission, vendored packages included, by path."""
    folder = SUBMISSIONS / name
    items = regular_items(folder, lambda path: not set(PurePosixPath(path).parts) & {*NOT_CODE})
    return {item.name: item.path.read_bytes() for item in items if item.name[0] != "."}


def write_submission(
    name: str,
    out: Path,
    config: Mapping[str, Any],
    weights: Mapping[str, bytes],
    source: str,
    requires: Mapping[str, str],
    origins: Mapping[str, Mapping[str, Any]] | None = None,
) -> int:
    """Write the submission's code, weights, config.json and weights.json.

    All are written under temporary names first, so that a full disk leaves the old ones. Return
    the size of the weights in bytes.

    Args:
        name: of the shipped submission that has the code.
        out: the folder to write; where it is the shipped one, its code stays as it is.
        config: the content of config.json.
        weights: the bytes of each file, by path in the folder.
        source: the command that made the weights.
        requires: versions of packages by name.
        origins: licence, source and, where one ships it, package of the files that were not made
            here, by path.
    """
    own = {"licence": "Apache-2.0", "source": source}
    files = [
        {
            "path": path,
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
            **(origins or {}).get(path, own),
        }
        for path, content in weights.items()
    ]
    manifest = {"format": 1, "files": files, "requires": requires}
    is_shipped = out.resolve() == (SUBMISSIONS / name).resolve()
    contents = {
        **({} if is_shipped else code_of(name)),
        **weights,
        CONFIG: (json.dumps(config, indent=2) + "\n").encode(),
        MANIFEST: (json.dumps(manifest, indent=2) + "\n").encode(),
    }
    write_all(out, contents)
    return sum(len(content) for content in weights.values())
