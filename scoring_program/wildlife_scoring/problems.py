"""Collect what is wrong with the input while it is read, and report all of it at once."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import NoReturn

NAMED = 5  # how many offenders a message names; it always gives their full number
LONGEST_NAME = 80


class ScoringError(Exception):
    """The input cannot be scored; the text is the whole message for the reader."""


class Problems:
    """The problems found so far, each with its place and what to do about it."""

    def __init__(self) -> None:
        self._entries: list[str] = []

    def add(self, where: Path, found: str, advice: str) -> None:
        """Record what was `found` in the file or folder `where`, and the `advice` that fixes it."""
        self._entries.append(f"{where}\n     {found}\n     -> {advice}")

    def stop_if_any(self) -> None:
        """Raise one ScoringError that lists every problem; do nothing where none was added."""
        if self._entries:
            self.stop()

    def stop(self) -> NoReturn:
        """Raise one ScoringError that lists every problem. At least one has to be there."""
        count = "1 problem" if len(self._entries) == 1 else f"{len(self._entries)} problems"
        numbered = (f"  {n}. {entry}" for n, entry in enumerate(self._entries, start=1))
        raise ScoringError("\n".join([f"no score was written: {count} in the input", *numbered]))


def name_some(names: Iterable[str], total: int) -> str:
    """Return the first few names, quoted, and how many more of `total` follow."""
    shown = [quote(name) for name in islice(names, NAMED)]
    more = f" and {total - len(shown)} more" if total > len(shown) else ""
    return ", ".join(shown) + more


def quote(name: str) -> str:
    """Return a name from outside in quotes, control characters escaped, a very long one cut."""
    return repr(name if len(name) <= LONGEST_NAME else name[:LONGEST_NAME] + "...")
