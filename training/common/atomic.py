"""Writing files so that a reader sees the old one or the new one, never half of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from kit.files import replacing as replaced

__all__ = ["replaced", "write_all", "write_bytes", "write_json", "write_text"]


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file in one step; its folder is made."""
    with replaced(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a file as UTF-8 in one step; line ends stay as they are."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, content: Any) -> None:
    """Write indented JSON that ends with a line feed, in one step."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def write_all(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write several files of a folder; none is replaced before all are on the disk.

    Args:
        contents: the bytes by path in the folder; the files take their places in this order.
    """
    with ExitStack() as stack:
        # The stack leaves its blocks in reverse order, and each block renames its file then.
        for name in reversed(contents):
            stack.enter_context(replaced(folder / name)).write_bytes(contents[name])
