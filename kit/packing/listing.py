"""List files in weights.json: new entries, and new bytes of those that are there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.contract import MANIFEST_FILE, MODEL_FILE
from kit.errors import KitError, UsageProblem
from kit.files import write_json
from kit.packing.manifest import entry_of
from kit.packing.shipping import has_to_be_listed, shipped

_FIX = "fix it, or remove it"


@dataclass(frozen=True)
class Listed:
    """What was written: the submission's folder, and the entries of the files by state."""

    folder: Path
    added: tuple[Mapping[str, Any], ...]
    updated: tuple[Mapping[str, Any], ...]

    @property
    def entries(self) -> tuple[Mapping[str, Any], ...]:
        """Every entry that was written."""
        return (*self.added, *self.updated)

    def as_json(self) -> dict[str, Any]:
        """Return what was written as `kit weights add --json` gives it."""
        return {
            "format": 1,
            "folder": str(self.folder),
            "added": list(self.added),
            "updated": list(self.updated),
        }


def list_files(files: Sequence[Path], licence: str | None, source: str | None) -> Listed:
    """Write the entries of files into the weights.json of the submission that they are in.

    What is given replaces the licence and the source of an entry; else they stay as they are, and
    are "unknown" in a new one. Other entries and fields stay as they are. Nothing is written if
    one of the files cannot be listed.

    Args:
        files: files of one submission; a folder stands for the files in it.
        licence: an SPDX identifier, None for what the entry says.
        source: the command or address that the files come from, None for what the entry says.

    Raises:
        UsageProblem: the files are not those of one submission.
        KitError: weights.json cannot be read.
        OSError: a file cannot be read, or weights.json cannot be written.
    """
    folder = _folder_of(files)
    names = _names(folder, files)
    content = _content(folder)
    given = {"licence": licence, "source": source}
    chosen = {key: value for key, value in given.items() if value is not None}
    added, updated = list[dict[str, Any]](), list[dict[str, Any]]()
    for name in names:
        before = next((item for item in content["files"] if _path_of(item) == name), None)
        entry = _entry(folder, name, before or {}) | chosen
        (added if before is None else updated).append(entry)
        content["files"] = _replaced(content["files"], name, entry)
    write_json(folder / MANIFEST_FILE, content)
    return Listed(folder, tuple(added), tuple(updated))


def _entry(folder: Path, name: str, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of a file as it is now, with what only a person can know of it."""
    now = entry_of(name, folder / name)
    known = {key: value for key, value in before.items() if key not in ("bytes", "sha256")}
    return now | known


def _replaced(entries: list[Any], name: str, entry: Mapping[str, Any]) -> list[Any]:
    """Put the entry where the first of that path was, or at the end; drop the others."""
    found = [number for number, item in enumerate(entries) if _path_of(item) == name]
    position = found[0] if found else len(entries)
    others = [item for item in entries if _path_of(item) != name]
    return [*others[:position], entry, *others[position:]]


def _path_of(entry: Any) -> object:
    return entry.get("path") if isinstance(entry, dict) else None


def _folder_of(files: Sequence[Path]) -> Path:
    """Return the folder with a model.py that is nearest around all files."""
    around = Path(os.path.commonpath([_absolute(file) for file in files]))
    for folder in (around, *around.parents):
        if (folder / MODEL_FILE).is_file():
            return folder
    raise UsageProblem(
        f"{', '.join(map(str, files))}: expected files of one submission, found no {MODEL_FILE} in "
        "a folder around them"
    )


def _absolute(file: Path) -> Path:
    """Return where a file is; a link is not followed, because no zip carries one."""
    return file.parent.resolve() / file.name if file.is_symlink() else file.resolve()


def _names(folder: Path, files: Sequence[Path]) -> list[str]:
    """Return the files as the submission's zip would name them; every one that it lacks is told."""
    entries = [entry for entry in shipped(folder).entries if entry.name != MANIFEST_FILE]
    names: dict[str, None] = {}
    problems = []
    for file in files:
        path = _absolute(file)
        inside = [
            entry.name
            for entry in entries
            if entry.path == path or (path in entry.path.parents and has_to_be_listed(entry))
        ]
        names |= dict.fromkeys(inside)
        if not inside:
            why = "found a link, a cache or a secret" if os.path.lexists(file) else "found nothing"
            problems.append(f"{file}: expected a file that `kit pack` ships, {why}")
    if problems:
        raise UsageProblem(f"{MANIFEST_FILE} was left as it is", problems)
    return list(names)


def _content(folder: Path) -> dict[str, Any]:
    """Return what weights.json holds, or a new one."""
    path = folder / MANIFEST_FILE
    if not path.exists():
        return {"format": 1, "files": []}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise KitError(f"{path}: does not read as JSON: {error}", hint=_FIX) from error
    if not isinstance(content, dict) or not isinstance(content.get("files"), list):
        raise KitError(f'{path}: expected {{"files": [...]}}', hint=_FIX)
    return content
