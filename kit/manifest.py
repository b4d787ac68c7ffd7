"""weights.json, the manifest of a submission's artifacts: where each comes from and its digest.

    {"format": 1,
     "files": [{"path": "weights/head.npz", "sha256": "...", "bytes": 123,
                "licence": "Apache-2.0", "source": "python training/NAME.py"}],
     "requires": {"numpy": ">=1.26"}}

A submission without artifacts has no manifest.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from kit.contract import MANIFEST_FILE
from kit.zips import sha256_of

_FIELDS: dict[str, type] = {
    "path": str, "sha256": str, "bytes": int, "licence": str, "source": str,
}  # fmt: skip


@dataclass(frozen=True)
class Manifest:
    """The paths that the manifest lists, and everything wrong with it or with them."""

    paths: frozenset[str]
    problems: tuple[str, ...]


def read_manifest(folder: Path) -> Manifest:
    """Read weights.json and compare every file with it; raises nothing."""
    path = folder / MANIFEST_FILE
    if not path.is_file():
        return Manifest(frozenset(), ())
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        return Manifest(frozenset(), (f"{MANIFEST_FILE}: does not read as JSON: {error}",))
    files = content.get("files") if isinstance(content, dict) else None
    if not isinstance(files, list):
        return Manifest(frozenset(), (f'{MANIFEST_FILE}: expected {{"files": [...]}}',))
    paths, problems = [], []
    for number, entry in enumerate(files):
        wrong = _entry_problems(entry, number)
        if not wrong:
            paths.append(entry["path"])
            wrong = _file_problems(folder, entry)
        problems += wrong
    for name in sorted({name for name in paths if paths.count(name) > 1}):
        problems.append(f"{MANIFEST_FILE}: {name} is listed more than once")
    return Manifest(frozenset(paths), tuple(problems))


def _entry_problems(entry: Any, number: int) -> list[str]:
    where = f"{MANIFEST_FILE}: files[{number}]"
    if not isinstance(entry, dict):
        return [f"{where}: expected a mapping, found {type(entry).__name__}"]
    problems = [
        f"{where}: {name}: expected {kind.__name__}, found {entry.get(name)!r}"
        for name, kind in _FIELDS.items()
        if not isinstance(entry.get(name), kind) or isinstance(entry.get(name), bool)
    ]
    if not problems:
        parts = PurePosixPath(entry["path"]).parts
        if not parts or parts[0] == "/" or ".." in parts or "\0" in entry["path"]:
            problems.append(f"{where}: path: expected one inside the folder: {entry['path']!r}")
    return problems


def _file_problems(folder: Path, entry: dict[str, Any]) -> list[str]:
    name, path = entry["path"], folder / entry["path"]
    if not path.is_file():
        return [f"{name}: listed in {MANIFEST_FILE}, found nowhere. Made by: {entry['source']}"]
    size = path.stat().st_size
    if size != entry["bytes"]:
        return [f"{name}: {MANIFEST_FILE} says {entry['bytes']:,} bytes, the file has {size:,}"]
    if (digest := sha256_of(path)) != entry["sha256"].lower():
        return [f"{name}: sha256 is {digest}, {MANIFEST_FILE} says {entry['sha256']}"]
    return []
