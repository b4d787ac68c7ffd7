"""Writing files so that a reader sees the old one or the new one, never half of it.

Where several processes train together, only the first one's files take their places.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from kit.files import replacing
from training.common import processes


@contextmanager
def replaced(target: Path) -> Iterator[Path]:
    """Give a path to write; the file takes the place of `target` when the block ends well.

    Its folder is made. Raises WriteFailed where the disk does not take it.
    """
    if processes.is_first():
        with replacing(target) as temporary:
            yield temporary
    else:
        with tempfile.TemporaryDirectory() as unseen:
            yield Path(unseen) / target.name


@contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """Give a new folder next to `target`; it takes that name when the block ends well.

    A folder that stands at `target` is removed then. When the block raises, nothing changes.
    """
    if not processes.is_first():
        with tempfile.TemporaryDirectory() as unseen:
            yield Path(unseen)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
    try:
        yield temporary
        temporary.chmod(0o755)  # mkdtemp makes folders that only their owner may read
        shutil.rmtree(target, ignore_errors=True)
        temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


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
        for name in reversed(list(contents)):
            stack.enter_context(replaced(folder / name)).write_bytes(contents[name])


def discard(path: Path) -> None:
    """Remove a file that is not needed any more, if it is there."""
    if processes.is_first():
        path.unlink(missing_ok=True)
