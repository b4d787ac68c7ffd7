"""Find images that show the same moment: files of equal bytes, or of nearly equal content.

Two images of one burst, one in the gallery and one as a query, make a test that tells nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.common.errors import DataError
from training.common.images import UNREADABLE
from training.reid.database import same_content
from wildlife_image.rgb import to_rgb

HASH = 16  # pixels a side of the difference hash: 256 bits
_BLOCK = 1024  # hashes compared at once


def look_alikes(paths: Sequence[Path], bits: int) -> list[list[int]]:
    """Groups of rows whose files are equal, or whose difference hashes differ in at most `bits`.

    The hash says of each of 16 x 16 points whether the grey image gets lighter to the right.
    Raises DataError naming all unreadable images.
    """
    group = np.arange(len(paths))
    for first, second in [*_equal_pairs(paths), *_near_pairs(_hashes(paths), bits)]:
        if group[first] != group[second]:
            group[group == group[second]] = group[first]
    names, counts = np.unique(group, return_counts=True)
    return [np.flatnonzero(group == name).tolist() for name in names[counts > 1]]


def _equal_pairs(paths: Sequence[Path]) -> Iterator[tuple[int, int]]:
    for rows in same_content(paths):
        yield from ((rows[0], row) for row in rows[1:])


def _near_pairs(hashes: NDArray[np.float32], bits: int) -> Iterator[tuple[int, int]]:
    """Pairs of rows of +-1 codes, (n, 256), that differ in at most `bits` places."""
    least = hashes.shape[1] - 2 * bits
    for start in range(0, len(hashes), _BLOCK):
        alike = hashes[start : start + _BLOCK] @ hashes[start:].T >= least
        for first, second in np.argwhere(np.triu(alike, 1)).tolist():
            yield start + first, start + second


def _hashes(paths: Sequence[Path]) -> NDArray[np.float32]:
    codes, problems = [], []
    for path in paths:
        try:
            with Image.open(path) as image:
                small = to_rgb(image, at_least=4 * HASH).convert("L")
            grey = np.asarray(small.resize((HASH + 1, HASH), Image.Resampling.BOX), dtype=int)
        except UNREADABLE as error:
            problems.append(f"{path} cannot be read: {error}")
            continue
        codes.append(np.where(np.diff(grey, axis=1) > 0, 1, -1).ravel())
    if problems:
        raise DataError("\n  ".join(["nothing was written", *problems]))
    return np.array(codes, dtype=np.float32).reshape(len(codes), HASH * HASH)
