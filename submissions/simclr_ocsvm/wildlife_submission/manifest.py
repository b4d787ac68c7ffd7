"""Read weights.json, so that a message about a file says what made it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def check_weights(folder: Path) -> None:
    """Raise FileNotFoundError where a file that weights.json lists is not in the folder.

    The message names each missing file and how to get it, by weights.json: the training command,
    or `kit weights fetch` for a file of a package or an address. A folder without weights.json
    passes.
    """
    missing = [name for name in _entries(folder) if not (folder / name).is_file()]
    if missing:
        lines = [f"{name}: {made_by(folder, name)}" for name in missing]
        raise FileNotFoundError("\n  ".join([f"{folder} lacks files of weights.json:", *lines]))


def made_by(folder: Path, name: str) -> str:
    """Return one phrase that says how to get a file of the submission, by weights.json."""
    entry = _entries(folder).get(name, {})
    if {"url", "hub", "package"} & set(entry):
        return f"get it with `kit weights fetch {folder.name}`"
    source = entry.get("source")
    return f"made by {source}" if source else "weights.json does not say what made it"


def _entries(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / "weights.json"
    if not path.is_file():
        return {}
    manifest: Any = json.loads(path.read_text(encoding="utf-8"))
    return {str(entry["path"]): entry for entry in manifest["files"]}
