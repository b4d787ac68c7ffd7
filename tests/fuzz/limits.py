"""How long a case may take and how much memory it may ask for: more is a fault as well."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

SECONDS_FOR_A_CASE: Final = 10
MEGABYTES_FOR_A_CASE: Final = 1024


@contextmanager
def limited(
    seconds: float = SECONDS_FOR_A_CASE, megabytes: int = MEGABYTES_FOR_A_CASE
) -> Iterator[None]:
    """Raise TimeoutError or MemoryError in the block when it goes beyond a limit.

    `megabytes` count from what the process has at the beginning.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + megabytes * 2**20
    before = signal.signal(signal.SIGALRM, _too_slow)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _too_slow(number: int, frame: FrameType | None) -> None:
    raise TimeoutError("a case took longer than its limit")
