"""From the network's wing probabilities to an image of the wings on white."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from wildlife_wings.unet import THRESHOLD

Mask = NDArray[np.bool_]

WINGS = 4  # A specimen has four wings, in one piece or apart.
SMALLEST_PIECE = 0.05  # of the largest: a hindwing's tip behind a label, but no speck of dust


def largest_pieces(mask: Mask) -> Mask:
    """Keep the pieces (8-connected) of (h, w) that can be wings: the largest, at most four."""
    labels, count = ndimage.label(mask, structure=np.ones((3, 3)))
    if not count:
        return mask
    areas = np.bincount(labels.ravel())[1:]
    order = np.argsort(-areas, kind="stable")[:WINGS]
    kept = order[areas[order] >= SMALLEST_PIECE * areas[order[0]]] + 1
    result: Mask = np.isin(labels, kept)
    return result


def wing_mask(probability: NDArray[np.float32], size: tuple[int, int]) -> Mask:
    """Return the wings' mask for an image of `size` (width, height), by probabilities (s, s)."""
    pieces = largest_pieces(probability > THRESHOLD)
    clean = np.where(pieces, probability, np.minimum(probability, THRESHOLD))
    large = Image.fromarray(clean.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    mask: Mask = (np.asarray(large) > THRESHOLD) & _near(pieces, size)
    return mask


def _near(pieces: Mask, size: tuple[int, int]) -> Mask:
    """The pieces one pixel wider, in the large image: keeps removed pieces removed."""
    wider = Image.fromarray(ndimage.binary_dilation(pieces, np.ones((3, 3))))
    near: Mask = np.asarray(wider.resize(size, Image.Resampling.NEAREST))
    return near


def on_white(rgb: Image.Image, mask: Mask) -> Image.Image:
    """Return the RGB image with white wherever the mask (h, w) is False."""
    white = Image.new("RGB", rgb.size, (255, 255, 255))
    white.paste(rgb, mask=Image.fromarray(mask))
    return white
