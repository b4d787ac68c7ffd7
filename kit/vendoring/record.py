"""VENDORED.json: which files of a submission are copies of shared files, and their digests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from kit.errors import KitError
from kit.zips import sha256_of

VENDORED_FILE: Final = "VENDORED.json"
_LONGEST_NAME = 255


class VendoredUnusable(KitError):
    """VENDORED.json is not of the form that `kit vendor` writes."""


@dataclass(frozen=True)
class Vendored:
    """The content of VENDORED.json: the sha256 of every copy by its path in the submission.

    A frozen submission was uploaded as it is: its copies no longer follow the shared packages.
    """

    digests: Mapping[str, str]
    frozen: bool = False


def read_vendored(folder: Path) -> Vendored:
    """Read VENDORED.json; empty where there is none.

    Raises:
        VendoredUnusable: the file is not of the form that `kit vendor` writes.
    """
    path = folder / VENDORED_FILE
    if not path.is_file():
        return Vendored({})
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _unusable(path, f"a file that does not read as JSON: {error}") from error
    files = content.get("files") if isinstance(content, dict) else None
    if not isinstance(files, list):
        raise _unusable(path, 'no list "files"')
    for entry in files:
        if not _is_entry(entry):
            raise _unusable(path, f"the entry {entry!r:.80}")
    frozen = content.get("frozen", False)
    if not isinstance(frozen, bool):
        raise _unusable(path, f'"frozen": {frozen!r:.80}, which is neither true nor false')
    return Vendored({entry["path"]: entry["sha256"] for entry in files}, frozen)


def digest_of_copy(path: Path) -> str | None:
    """Return the sha256 of a copied file; None where it is missing."""
    return sha256_of(path) if path.is_file() else None


def _unusable(path: Path, found: str) -> VendoredUnusable:
    return VendoredUnusable(
        f"{path.name}: expected what `kit vendor` writes, found {found}",
        hint="remove the file and run `kit vendor` again",
    )


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict):
        return False
    path, digest = entry.get("path"), entry.get("sha256")
    return isinstance(path, str) and isinstance(digest, str) and _stays_inside(path)


def _stays_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    too_long = any(len(part.encode("utf-8", "replace")) > _LONGEST_NAME for part in parts)
    return (
        bool(parts) and parts[0] != "/" and ".." not in parts and "\0" not in path and not too_long
    )
