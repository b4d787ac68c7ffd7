"""Digests of programs and data, so that two runs can be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from kit.trees import Item, Kind, problem_of, read_problem, strange_files, walk
from kit.zips import sha256_of


def digests_of(paths: Mapping[str, Path]) -> dict[str, str]:
    """Return for each path the sha256 of the file, or of the folder's sorted names and contents.

    Raises:
        StrangeFiles: one of them holds something else than regular files that can be read; all
            of these are named, of all paths together.
    """
    items = {name: list(walk(path, wanted=_counts)) for name, path in paths.items()}
    problems = [
        problem_of(item) for found in items.values() for item in found if item.kind is not Kind.FILE
    ]
    if problems:
        raise strange_files(problems)
    digests = {
        name: _digest(found, path.is_dir(), problems)
        for (name, path), found in zip(paths.items(), items.values(), strict=True)
    }
    if problems:
        raise strange_files(problems)
    return digests


def _counts(name: str) -> bool:
    return "__pycache__" not in name


def _digest(items: list[Item], of_folder: bool, problems: list[str]) -> str:
    """Digest regular files; what cannot be read after all, or has vanished, is a problem."""
    digest = hashlib.sha256()
    for item in sorted(items, key=lambda item: item.name):
        try:
            content = sha256_of(item.path)
        except OSError as error:
            problems.append(read_problem(item.path, error))
            continue
        if not of_folder:
            return content
        digest.update(f"{item.name}\0{content}\n".encode())
    return digest.hexdigest()
