"""What a filter is, what it is given, and how it says that its weights are not here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.common.errors import ScriptError
from training.family.collection import Collection

Flags = NDArray[np.bool_]  # (n,), whether to remove an image
Features = NDArray[np.float32]  # (n, d)


class FilterUnavailable(ScriptError):
    """A filter's weights are not here; the message says how to get them, and how to skip it."""


@dataclass(frozen=True)
class Given:
    """What a filter may look at.

    collection: the images that earlier filters left, of the training part only; network: gives
    their features (n, d) and is asked at most once.
    """

    collection: Collection
    network: Callable[[Collection], Features]
    seed: int = 0
    allowed: frozenset[str] = frozenset()
    clip_folder: Path | None = None
    detector_file: Path | None = None

    @cached_property
    def features(self) -> Features:
        """Standardised features of a frozen network, (n, d)."""
        found = self.network(self.collection).astype(np.float64)
        spread = found.std(axis=0)
        scaled = (found - found.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        return np.asarray(scaled, dtype=np.float32)


def nothing(_: Given) -> str:
    """Return "": a filter without weights misses none."""
    return ""


@dataclass(frozen=True)
class Filter:
    """A named filter; learns: whether it learns from other images, so that it runs after the split.

    flag: returns for each image whether to remove it. Raises FilterUnavailable. missing: returns
    which weights are not there, and how to get them; "" where all are.
    """

    name: str
    learns: bool
    flag: Callable[[Given], Flags]
    missing: Callable[[Given], str] = nothing
