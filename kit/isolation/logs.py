"""Log files that stay small: a program that prints 1 GB neither fills the disk nor hangs."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path

from kit.files import WriteFailed, writing

_TAIL_BYTES = 64 * 1024
_CHUNK = 1 << 16


class CappedLog:
    """A log file that keeps the beginning and the end of what is written to it.

    The end is kept because that is where a traceback stands.
    """

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self._path = path
        self._file = path.open("wb", buffering=0)
        self._limit = limit_bytes
        self._room = max(limit_bytes - _TAIL_BYTES, 0)
        self._tail = b""
        self._cut = 0
        self._lock = threading.Lock()
        self._error: OSError | None = None

    def write(self, content: bytes) -> None:
        """Take output of the program; a full disk is remembered for `close`."""
        with self._lock:
            if self._file.closed:
                return
            head, rest = content[: self._room], content[self._room :]
            self._room -= len(head)
            if head and self._error is None:
                self._put(head)
            if rest:
                joined = self._tail + rest
                self._tail = joined[-_TAIL_BYTES:]
                self._cut += len(joined) - len(self._tail)

    def close(self) -> None:
        """Write the end, and say what was cut.

        Raises:
            WriteFailed: the log could not be written, then or before.
        """
        with self._lock:
            if self._file.closed:
                return
            if self._cut:
                self._put(
                    f"\n[kit: {self._cut:,} bytes cut here; a log holds at most "
                    f"{self._limit:,}]\n".encode()
                )
            self._put(self._tail)
            self._file.close()
        if self._error:
            raise WriteFailed(self._path, "the log", self._error)

    def _put(self, content: bytes) -> None:
        try:
            while content:
                content = content[self._file.write(content) or 0 :]
        except OSError as error:
            self._error = error


def name_paths(folder: Path, names: Mapping[Path, str]) -> None:
    """Replace paths of temporary folders in the logs of a run by those that the user knows.

    A traceback leads to the user's own file then, not to one that is deleted with the run's stage.
    """
    longest_first = sorted(names.items(), key=lambda item: len(str(item[0])), reverse=True)
    for path in folder.glob("*.txt"):
        before = content = path.read_bytes()
        for source, name in longest_first:
            content = content.replace(os.fsencode(source), os.fsencode(name))
        if content != before:
            with writing(path, "the log"):
                path.write_bytes(content)


def follow(descriptor: int, log: CappedLog) -> threading.Thread:
    """Copy a pipe into a log until its last writer is gone; the pipe is closed then.

    The pipe is read to its end even when the log is full: a program that cannot write would
    wait for ever.
    """

    def copy() -> None:
        with os.fdopen(descriptor, "rb", buffering=0) as pipe:
            while content := pipe.read(_CHUNK):
                log.write(content)

    thread = threading.Thread(target=copy, daemon=True)
    thread.start()
    return thread
