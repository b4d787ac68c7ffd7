"""What the kit allows a program, so that a bad one cannot take the machine down with it.

The worker has none of these limits (only the time limit); they are set so high that an honest
submission does not meet them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kit.contract import MAX_UNPACKED_BYTES, MAX_ZIP_ENTRIES

# Measuring a large output must not cost more than this part of the time.
_SHARE_OF_TIME = 0.05
_FALLBACK_MEMORY = 8 * 1024**3


def _most_of_memory() -> int:
    """Four fifths of the machine's memory in bytes: the rest keeps the machine usable."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        total = _FALLBACK_MEMORY
    return total * 4 // 5


@dataclass(frozen=True)
class Limits:
    """The limits of one container; bytes are bytes, `processes` counts threads too.

    `memory_bytes` None means four fifths of the machine's memory.
    """

    memory_bytes: int | None = None
    processes: int = 1024
    # More output than a zip may hold could not be handed over to scoring.
    output_bytes: int = MAX_UNPACKED_BYTES
    output_files: int = MAX_ZIP_ENTRIES
    temporary_bytes: int = 1024**3
    log_bytes: int = 16 * 1024**2

    @property
    def memory(self) -> int:
        """The memory limit in bytes."""
        return self.memory_bytes or _most_of_memory()


DEFAULT_LIMITS: Final = Limits()


class OutputWatch:
    """Says when the folders that a program may write to hold more than they may.

    A file-size limit of the system bounds one file, not their number; so the kit looks. Of the
    folders `grown`, only what is added to them counts.
    """

    def __init__(self, folders: Sequence[Path], limits: Limits, grown: Sequence[Path] = ()) -> None:
        self._folders = [*folders, *grown]
        self._limits = limits
        self._next = 0.0
        self._files_before, self._bytes_before = _total(grown)

    def exceeded(self) -> bool:
        """Look, unless the last look was too short a time ago."""
        started = time.monotonic()
        if started < self._next:
            return False
        files, used = _total(self._folders)
        files, used = files - self._files_before, used - self._bytes_before
        spent = time.monotonic() - started
        self._next = started + max(0.2, spent / _SHARE_OF_TIME)
        return used > self._limits.output_bytes or files > self._limits.output_files


def _total(folders: Sequence[Path]) -> tuple[int, int]:
    counts = [disk_usage(folder) for folder in folders]
    return sum(files for files, _ in counts), sum(used for _, used in counts)


def disk_usage(folder: Path) -> tuple[int, int]:
    """Files below a folder and the bytes that they take on the disk; links are not followed."""
    files, used, waiting = 0, 0, [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                    files += 1
                    used += entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError:
            # The program is at work in there: what is gone takes no room.
            continue
    return files, used
