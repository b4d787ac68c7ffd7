"""Read weights.json, so that a message about a file says what made it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def check_weights(folder: Path) -> None:
    """Raise FileNotFoundError where a file that weights.json lists is not in the folder.

    The message names each missing file and its `source` in weights.json: the training command, or
    the address that it comes from. A folder without weights.json passes.
    """
    missing = [name for name in _sources(folder) if not (folder / name).is_file()]
    if missing:
        lines = [f"{name}: {made_by(folder, name)}" for name in missing]
        raise FileNotFoundError("\n  ".join([f"{folder} lacks files of weights.json:", *lines]))


def made_by(folder: Path, name: str) -> str:
    """Return one phrase that says how a file of the submission is made, by weights.json."""
    source = _sources(folder).get(name)
    return f"made by {source}" if source else "weights.json does not say what made it"


def _sources(folder: Path) -> dict[str, str]:
    path = folder / "weights.json"
    if not path.is_file():
        return {}
    manifest: Any = json.loads(path.read_text(encoding="utf-8"))
    return {str(entry["path"]): str(entry.get("source", "")) for entry in manifest["files"]}
