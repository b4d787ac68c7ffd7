"""How a flat drawing of an animal's side gets into the frame, and a map of its marks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample_data.generator_common.shapes import Points


@dataclass(frozen=True)
class View:
    """From an animal's own coordinates to pixels of the fine drawing: bend, depth, affine, side."""

    frame: Points  # (2,) width and height
    centre: Points  # (2,) of the animal, in its coordinates
    matrix: Points  # (2, 2)
    middle: Points  # (2,) where the centre goes
    depth: float  # perspective: how much nearer one end is than the other
    bend: float
    mirrored: bool

    def place(self, points: Points) -> Points:
        """(n, 2) to (n, 2)."""
        p = points - self.centre
        bent = p + np.stack([0 * p[:, 0], self.bend * p[:, 0] ** 2], axis=1)
        placed = (bent / (1 + self.depth * bent[:, :1])) @ self.matrix.T + self.middle
        if self.mirrored:
            placed = np.array([self.frame[0], 0]) + placed * np.array([-1, 1])
        return np.asarray(placed)


def coverage(
    x: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Marks as a smooth map of 24 x 10 cells over the unit square, (240,), of length 1."""
    cell_x, cell_y = np.meshgrid(np.linspace(0, 1, 24), np.linspace(0, 1, 10))
    apart = (cell_x.ravel()[:, None] - x) ** 2 + (cell_y.ravel()[:, None] - y) ** 2 / 2
    cells = (np.exp(-apart / (2 * 0.035**2)) * weight).sum(axis=1)
    return np.asarray(cells / np.linalg.norm(cells))
