"""Read any image small, and find the wings in it.

Everything is NumPy and Pillow, so that a serving machine needs nothing else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wildlife_image.rgb import to_rgb

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# A photograph is looked at with its longer side at this many pixels: enough for the pattern, and a
# JPEG of a camera is decoded at an eighth of its size.
WORKING_SIDE = 192
# JPEG decoding may shrink, but never below this multiple of the working size (fidelity: mean
# absolute difference about 0.3 of 255 against a full decode).
DRAFT_MARGIN = 2


def read_small(image: Image.Image) -> Array:
    """Read any PIL image as (h, w, 3) in 0..255, longer side WORKING_SIDE, upright by its EXIF tag.

    A JPEG that is not loaded yet is decoded at reduced scale (`Image.draft`).
    """
    rgb = to_rgb(image, WORKING_SIDE * DRAFT_MARGIN)
    scale = WORKING_SIDE / max(rgb.size)
    size = (max(1, round(rgb.width * scale)), max(1, round(rgb.height * scale)))
    if size != rgb.size:
        rgb = rgb.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(rgb, dtype=np.float64)


def background_colour(rgb: Array) -> Array:
    """Return the median colour (3,) of a border ring, the paper behind the specimen; at least 1."""
    ring = max(1, round(0.03 * max(rgb.shape[:2])))
    edge = np.concatenate(
        [
            rgb[:ring].reshape(-1, 3),
            rgb[-ring:].reshape(-1, 3),
            rgb[:, :ring].reshape(-1, 3),
            rgb[:, -ring:].reshape(-1, 3),
        ]
    )
    colour: Array = np.maximum(np.median(edge, axis=0), 1.0)
    return colour


def _otsu(values: Array) -> float:
    """Threshold that splits values in two with the largest between-class variance (Otsu 1979)."""
    counts, edges = np.histogram(values, bins=64)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    total = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = below * above * (total / below - (total[-1] - total) / above) ** 2
    return float(centres[int(np.nanargmax(np.nan_to_num(spread[:-1], nan=-1.0)))])


def _components(mask: Mask) -> NDArray[np.int64]:
    """Labels (h, w) of the 4-connected components, 0 = outside; by union of horizontal runs."""
    height, width = mask.shape
    padded = np.zeros((height, width + 2), dtype=np.int8)
    padded[:, 1:-1] = mask
    step = np.diff(padded, axis=1)
    rows, starts = np.nonzero(step == 1)
    ends = np.nonzero(step == -1)[1]
    parent = list(range(len(rows)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first = np.searchsorted(rows, np.arange(height + 1))
    row_list, start_list, end_list = rows.tolist(), starts.tolist(), ends.tolist()
    for i, row in enumerate(row_list):
        if row == 0:
            continue
        for j in range(int(first[row - 1]), int(first[row])):
            if start_list[j] < end_list[i] and start_list[i] < end_list[j]:
                parent[root(i)] = root(j)
    labels = np.zeros(mask.shape, dtype=np.int64)
    for i, row in enumerate(row_list):
        labels[row, start_list[i] : end_list[i]] = root(i) + 1
    return labels


def _grow(mask: Mask, reach: int) -> Mask:
    """Dilate by a square of 2 * reach + 1 pixels, by shifted ors: faster than a rank filter."""
    grown: Mask = mask.copy()
    for step in range(1, reach + 1):
        grown[step:] |= mask[:-step]
        grown[:-step] |= mask[step:]
    rows = grown.copy()
    for step in range(1, reach + 1):
        grown[:, step:] |= rows[:, :-step]
        grown[:, :-step] |= rows[:, step:]
    return grown


def _shrink(mask: Mask, reach: int) -> Mask:
    """Erode likewise; what lies outside the image counts as wing, so that its edge stays."""
    shrunk: Mask = ~_grow(~mask, reach)
    return shrunk


def _fill_holes(mask: Mask) -> Mask:
    """Background that does not reach the edge of the image is pale pattern, not background."""
    outside = _components(np.pad(~mask, 1, constant_values=True))
    filled: Mask = (outside != outside[0, 0])[1:-1, 1:-1]
    return filled


def _mean(planes: Array) -> Array:
    """Mean over the three colours; NumPy's own is slow over so short an axis."""
    mean: Array = (planes[..., 0] + planes[..., 1] + planes[..., 2]) / 3
    return mean


def find_wings(rgb: Array, background: Array) -> Mask:
    """Return the specimen's mask (h, w), no labels, rulers, antennae; all True if none is found."""
    relative = rgb / background
    # Shadows only darken; chroma counts more, so that they stay out.
    chroma = relative - _mean(relative)[..., None]
    difference = np.sqrt(_mean((relative - 1.0) ** 2)) + np.sqrt(_mean(chroma**2))
    difference = np.minimum(difference, 1.0)
    mask = difference > 0.85 * _otsu(difference)
    # Opening cuts antennae, pins and ruler ticks; closing joins wings and body.
    opened = _grow(_shrink(mask, 1), 1)
    closed = _shrink(_grow(opened, 2), 2)
    labels = _components(closed)
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    if areas.sum() == 0:
        return np.ones(mask.shape, dtype=np.bool_)
    return _fill_holes(labels == int(np.argmax(areas)))
