"""An image as the fusing submissions see it: one view, for training and for serving."""

from __future__ import annotations

from wildlife_image.reduced import served_image
from wildlife_reid.alignment import DECODED

__all__ = ["longest_side", "served_image"]


def longest_side(*sizes: int) -> int:
    """Return the pixels of the longer side that networks and features of these `sizes` need."""
    return max(DECODED, *(2 * size for size in sizes))
