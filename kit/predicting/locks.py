"""One driver for each part of a folder: the system's own locks, which end with their process."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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

    Parts K/N and J/M have shards in common where N and M differ. They may follow each other, but
    at the same time both would predict these shards.

    Raises:
        FolderBusy: another process holds this part, all, or a part of another N.
        KitError: the file system has no locks.
    """
    mode = fcntl.LOCK_EX if part.is_all else fcntl.LOCK_SH
    with _lock(folder, "all", mode | fcntl.LOCK_NB), ExitStack() as held:
        if not part.is_all:
            with door(folder):
                _refuse_other_divisions(folder, part)
                held.enter_context(_lock(folder, part.name, fcntl.LOCK_EX | fcntl.LOCK_NB))
        yield


def _refuse_other_divisions(folder: Path, part: Part) -> None:
    """Raise FolderBusy where a driver of K/N is at work, with another N than this one's."""
    for path in sorted((folder / _FOLDER).glob("*-of-*")):
        if path.name.rpartition("-")[2] == str(part.of):
            continue
        with path.open("rb") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError as error:
                number, _, of = path.name.partition("-of-")
                raise FolderBusy(
                    f"{folder}: --shard {number}/{of} is at work here ({_holder(path)}); "
                    f"--shard {part.number}/{part.of} divides the shards in another way",
                    hint=f"wait until it has ended, or name a part of {of}",
                ) from error


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
        # What an earlier holder wrote would name the wrong process; several share LOCK_SH.
        os.ftruncate(descriptor, 0)
        if mode & fcntl.LOCK_EX:
            os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _refused(folder: Path, path: Path, error: OSError) -> KitError:
    if error.errno not in _BUSY:
        return KitError(
            f"{folder}: the file system gives no lock: {error.strerror}",
            hint="write to another file system, each part to a folder of its own; then kit merge",
        )
    what = "the folder" if path.name == "all" else f"part {path.name}"
    return FolderBusy(
        f"{folder}: another `kit predict` or `kit merge` uses {what} ({_holder(path)})",
        hint="wait until it has ended, end it, or write to another folder",
    )


def _holder(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") or "another process"
