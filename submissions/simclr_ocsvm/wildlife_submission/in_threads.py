"""Work on the images of a batch in threads, for what a network's one tensor cannot hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")
MAX_THREADS = 8


def in_threads(work: Callable[[Given], Made], items: Iterable[Given]) -> list[Made]:
    """Return what `work`, which must be thread-safe, makes of each item, in order.

    An exception of `work` is raised here.
    """
    with ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1)) as pool:
        return list(pool.map(work, items))
