"""The ingestion program's journal, begun before it starts and kept when it was cut off.

The journal's first line is the key of the run: the digests of everything that decides the answers.
The rest is the ingestion program's (ingestion_program/wildlife_ingestion/journal.py); a bundle's own
ingestion program does not know it and gets none.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from kit.errors import KitError, UsageProblem
from kit.files import replacing

FILE_NAME: Final = ".predictions.journal"
_KEPT_NAME: Final = "journal.txt"
# The module by which our ingestion program is known to keep a journal.
_KNOWN_BY: Final = "wildlife_ingestion/journal.py"
# What decides the answers; scoring does not.
_DECIDING: Final = ("submission", "ingestion_program", "input_data")


def key_of(digests: Mapping[str, str]) -> bytes:
    """The journal's first line for a run of these digests."""
    text = "\n".join(f"{name} {digests.get(name, '')}" for name in _DECIDING)
    return hashlib.sha256(text.encode()).hexdigest().encode()


def begin(output: Path, ingestion_program: Path, content: bytes) -> None:
    """Put the journal into the output folder, where the ingestion program will find it."""
    if (ingestion_program / _KNOWN_BY).is_file():
        (output / FILE_NAME).write_bytes(content)


def keep(output: Path, folder: Path) -> None:
    """Take an unfinished journal out of the output, where scoring must not see it."""
    for path in (output / FILE_NAME, output / f"{FILE_NAME}.partial"):
        if path.is_file() and not path.is_symlink():
            if path.name == FILE_NAME:
                with replacing(folder / _KEPT_NAME) as temporary:
                    shutil.copyfile(path, temporary)
            path.unlink()


def left_in(folder: Path, record: Mapping[str, Any], digests: Mapping[str, str]) -> bytes:
    """The journal to go on with, of a run that was cut off in any way.

    Args:
        folder: the run's folder; a kit that was killed left its stage in it.
        record: what its run.json says.
        digests: of the submission, programs and data as they are now.

    Raises:
        UsageProblem: the run ended well, or left no journal.
        KitError: submission, ingestion program or input data have changed since.
    """
    if record.get("ok"):
        raise UsageProblem(f"{folder}: that run ended well; there is nothing to go on with")
    before = record.get("digests")
    known = before if isinstance(before, dict) else {}
    changed = [name for name in _DECIDING if known.get(name) != digests.get(name)]
    if changed:
        raise KitError(
            f"{folder}: cannot go on, what decides the answers has changed since",
            [f"{name}: {known.get(name)} then, {digests.get(name)} now" for name in changed],
            "run from the beginning, without --resume",
        )
    stages = sorted(folder.glob(f".stage-*/prediction/output/{FILE_NAME}"))
    found = [path.read_bytes() for path in (folder / _KEPT_NAME, *stages) if path.is_file()]
    ours = [content for content in found if content.startswith(key_of(digests) + b"\n")]
    if not ours:
        raise UsageProblem(
            f"{folder}: found no journal to go on with; the ingestion program of the bundle keeps "
            "none, or the run did not come to its first answer"
        )
    return max(ours, key=len)


def remove(folder: Path) -> None:
    """Remove what `keep` kept, when the run has ended well."""
    (folder / _KEPT_NAME).unlink(missing_ok=True)
