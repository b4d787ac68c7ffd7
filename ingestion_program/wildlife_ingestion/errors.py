"""What ends a run: an error with a message for the participant, or a signal."""

from __future__ import annotations

import errno
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from types import FrameType


class IngestionError(Exception):
    """Ends the run with status 1; its text is the one message that the participant sees."""


class ResultSubmission(Exception):
    """The submission holds predictions and no code: there is nothing to run, which is no error."""


class Interrupted(KeyboardInterrupt):
    """SIGINT or SIGTERM arrived."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.signal_number = signal_number


_arrived: list[int] = []


def raise_on_signals() -> None:
    """Make SIGINT and SIGTERM raise `Interrupted` in the main thread."""

    def handle(number: int, _frame: FrameType | None) -> None:
        _arrived.append(number)
        raise Interrupted(number)

    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGTERM, handle)


def ignore_signals() -> None:
    """Let no second Ctrl-C cut off the cleaning up after the first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def raise_swallowed_signal() -> None:
    """Raise `Interrupted` again if a bare `except:` of the submission swallowed it.

    What the submission then returned is not the model's prediction.
    """
    if _arrived:
        raise Interrupted(_arrived[-1])


def bullets(lines: Sequence[str]) -> str:
    """Return each line as an item of a list, on a line of its own."""
    return "".join(f"\n  - {line}" for line in lines)


def counted(number: int, noun: str) -> str:
    """Return the number with its noun, in the plural unless the number is 1."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def why_unwritable(error: OSError, folder: Path) -> str:
    """Say why a file in `folder` cannot be written, and how much space is left if that is why."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return error.strerror or str(error)
    try:
        free = f", {shutil.disk_usage(folder).free:,} bytes are free there"
    except OSError:
        free = ""
    return ("the disk is full" if error.errno == errno.ENOSPC else "the quota is used up") + free
