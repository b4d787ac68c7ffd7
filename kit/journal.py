"""The ingestion program's journal: started before it runs, and kept when the run was cut off.

The first line of a journal is the key of the run: the digests of everything that decides the
predictions. The rest is written by the ingestion program
(ingestion_program/wildlife_ingestion/journal.py). A bundle's own ingestion program does not know
the journal and gets none.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kit.errors import KitError, UsageProblem
from kit.files import replacing, writing

FILE_NAME: Final = ".predictions.journal"
_KEPT_NAME: Final = "journal.txt"
# This module shows that an ingestion program is ours and keeps a journal.
_KNOWN_BY: Final = "wildlife_ingestion/journal.py"
# What decides the predictions; scoring does not.
_DECIDING: Final = ("submission", "ingestion_program", "input_data")


@dataclass(frozen=True)
class Journal:
    """The journal of the run in `folder`; it begins with `content`."""

    folder: Path
    content: bytes

    @classmethod
    def start(cls, folder: Path, digests: Mapping[str, str]) -> Journal:
        """Return an empty journal for a run of these digests."""
        return cls(folder, _key(digests))

    @classmethod
    def resume(cls, folder: Path, record: Mapping[str, Any], digests: Mapping[str, str]) -> Journal:
        """Return the journal of a run that was cut off in any way.

        Args:
            folder: the run's folder; a kit that was killed left its temporary folder in it.
            record: the content of its run.json.
            digests: of the submission, programs and data as they are now.

        Raises:
            UsageProblem: the run was successful, or left no journal.
            KitError: submission, ingestion program or input data have changed since.
        """
        if record.get("ok"):
            raise UsageProblem(f"{folder}: that run was successful; there is nothing to resume")
        _refuse_changes(folder, record.get("digests"), digests)
        unfinished = sorted(folder.glob(f".stage-*/prediction/output/{FILE_NAME}"))
        paths = [path for path in (folder / _KEPT_NAME, *unfinished) if path.is_file()]
        key = _key(digests)
        contents = [data for path in paths if (data := path.read_bytes()).startswith(key)]
        if not contents:
            raise UsageProblem(
                f"{folder}: found no journal to resume from; the ingestion program of the bundle "
                "keeps none, or the run ended before its first prediction"
            )
        return cls(folder, max(contents, key=len))

    def place_in(self, output: Path, ingestion_program: Path) -> None:
        """Put the journal into the output folder, where our ingestion program looks for it."""
        if (ingestion_program / _KNOWN_BY).is_file():
            with writing(output / FILE_NAME, "the journal"):
                (output / FILE_NAME).write_bytes(self.content)

    def keep(self, output: Path) -> None:
        """Move an unfinished journal from the output, which scoring sees, to the run's folder."""
        # Under a longer name, the ingestion program was just replacing it.
        for path in sorted(output.glob(f"{FILE_NAME}*")):
            if path.is_file() and not path.is_symlink():
                if path.name == FILE_NAME:
                    with replacing(self.folder / _KEPT_NAME, "the journal") as temporary:
                        shutil.copyfile(path, temporary)
                path.unlink()

    def predicted(self) -> int | None:
        """Return how many images the kept journal has predictions of; None without a journal.

        A file name that holds a line break counts twice.
        """
        path = self.folder / _KEPT_NAME
        return path.read_bytes().count(b"\n") - 1 if path.is_file() else None

    def remove(self) -> None:
        """Remove what `keep` kept; the prediction step has succeeded."""
        (self.folder / _KEPT_NAME).unlink(missing_ok=True)


def _key(digests: Mapping[str, str]) -> bytes:
    text = "\n".join(f"{name} {digests.get(name, '')}" for name in _DECIDING)
    return hashlib.sha256(text.encode()).hexdigest().encode() + b"\n"


def _refuse_changes(folder: Path, before: Any, digests: Mapping[str, str]) -> None:
    known = before if isinstance(before, dict) else {}
    changed = [name for name in _DECIDING if known.get(name) != digests.get(name)]
    if changed:
        raise KitError(
            f"{folder}: cannot be resumed, because what decides the predictions has changed",
            [f"{name}: {known.get(name)} then, {digests.get(name)} now" for name in changed],
            "run from the beginning, without --resume",
        )
