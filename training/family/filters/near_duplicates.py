"""Find images that show what another image shows: resized, toned, cropped a little, mirrored.

Each image becomes 64 bits: whether each of its 64 slowest waves is above their median (the
"perceptual hash" of phash.org). Two images are near duplicates where few bits differ. The package
imagehash has this function too, but brings PyWavelets for others; here it is ten lines.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dctn

from training.family.filters.frame import Flags, Given
from wildlife_image.rgb import to_rgb

SIDE, WAVES = 32, 8
FEW = 10  # bits that may differ
_BLOCK = 512  # images compared at a time


def bits_of(path: Path) -> tuple[NDArray[np.bool_], NDArray[np.bool_], int]:
    """Return the 64 bits of an image, those of its mirror image, and its number of pixels."""
    with Image.open(path) as image:
        pixels = image.width * image.height
        grey = to_rgb(image).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    values = np.asarray(grey, dtype=float)
    return _bits(values), _bits(values[:, ::-1]), pixels


def _bits(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    waves = dctn(values, norm="ortho")[:WAVES, :WAVES].ravel()
    return np.asarray(waves > np.median(waves[1:]))


def pairs_of(bits: NDArray[np.bool_], mirrored: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return pairs (i, j), i < j, of near duplicates; both arrays are (n, 64)."""
    signs = np.where(bits, 1.0, -1.0).astype(np.float32)
    other = np.where(mirrored, 1.0, -1.0).astype(np.float32)
    least = bits.shape[1] - 2 * FEW
    found = []
    for start in range(0, len(bits), _BLOCK):
        rows = signs[start : start + _BLOCK]
        alike = np.maximum(rows @ signs.T, rows @ other.T) >= least
        found += [(start + int(i), int(j)) for i, j in zip(*np.nonzero(alike), strict=True)
                  if start + i < j]  # fmt: skip
    return found


def flag(given: Given) -> Flags:
    """Flag the smaller image of each pair; of equal ones the later row."""
    seen = [bits_of(path) for path in given.collection.paths]
    pixels = [size for _, _, size in seen]
    flags = np.zeros(len(seen), dtype=bool)
    bits, mirrored = (np.array([one[k] for one in seen]) for k in (0, 1))
    for i, j in pairs_of(bits, mirrored):
        if not flags[i] and not flags[j]:
            flags[j if pixels[j] <= pixels[i] else i] = True
    return flags
