"""Digests of programs and data, so that two runs can be compared."""

from __future__ import annotations

import hashlib
from pathlib import Path

from kit.zips import sha256_of, tree_entries


def digest_of(path: Path) -> str:
    """Return the sha256 of a file, or of a folder's names and contents in sorted order."""
    if path.is_file():
        return sha256_of(path)
    digest = hashlib.sha256()
    for entry in tree_entries(path):
        if "__pycache__" not in entry.name:
            digest.update(f"{entry.name}\0{sha256_of(entry.path)}\n".encode())
    return digest.hexdigest()
