"""One driver for each part of a folder: the system's own locks, which end with their process."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kit.errors import KitError
from kit.files import writing
from kit.predicting.collection import Part

_FOLDER: Final = ".locks"
_BUSY: Final = (errno.EWOULDBLOCK, errno.EACCES, errno.EAGAIN)


class FolderBusy(KitError):
    """Another driver writes to the folder."""


@contextmanager
def locked(folder: Path, part: Part) -> Iterator[None]:
    """Hold the folder for one part of its shards; the drivers of other parts may hold theirs.

    Raises:
        FolderBusy: another process holds this part, or all.
        KitError: the file system has no locks.
    """
    mode = fcntl.LOCK_EX if part.is_all else fcntl.LOCK_SH
    with _lock(folder, "all", mode | fcntl.LOCK_NB):
        if part.is_all:
            yield
            return
        with _lock(folder, part.name, fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield


@contextmanager
def door(folder: Path) -> Iterator[None]:
    """Wait for one's turn to look whether the collection exists, and to make it."""
    with _lock(folder, "door", fcntl.LOCK_EX):
        yield


@contextmanager
def _lock(folder: Path, name: str, mode: int) -> Iterator[None]:
    path = folder / _FOLDER / name
    with writing(path, "the lock"):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, mode)
        except OSError as error:
            raise _refused(folder, path, error) from error
        if mode & fcntl.LOCK_EX:
            holder = f"process {os.getpid()} on {socket.gethostname()}"
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, holder.encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _refused(folder: Path, path: Path, error: OSError) -> KitError:
    if error.errno not in _BUSY:
        return KitError(
            f"{folder}: the file system gives no lock: {error.strerror}",
            hint="write to another file system, each part to a folder of its own; then kit merge",
        )
    holder = path.read_text(encoding="utf-8", errors="replace") or "another process"
    what = "the folder" if path.name == "all" else f"part {path.name}"
    return FolderBusy(
        f"{folder}: another `kit predict` or `kit merge` uses {what} ({holder})",
        hint="wait until it has ended, end it, or write to another folder",
    )
