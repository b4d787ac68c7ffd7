"""How a wing pattern lies among the known subspecies: near one of them, or between two.

Three pieces of evidence that an image shows a cross of *some* two parents. None of them knows
which pairs were seen, so they carry over to unseen pairs and to a mimic species.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EVIDENCE = ("distance", "midpoint", "mosaic")
# Unseen images lie farther from their class mean than those that made it: within-class
# variance is taken this much larger (whole wing; one region, where means are noisier).
_VARIANCE, _REGION_VARIANCE = 1.5, 2.0


@dataclass(frozen=True)
class ClassSpace:
    """A linear map into a space where within-class variation is round, and the class means there.

    centre (d,), axes (d, k), means (classes, k).
    """

    centre: Array
    axes: Array
    means: Array

    def place(self, features: Array) -> Array:
        """Map features (d,) to the space (k,)."""
        placed: Array = (features - self.centre) @ self.axes
        return placed


@dataclass(frozen=True)
class ClassGeometry:
    """The whole wing's space, and one per region of a `grid` (rows, columns) laid over the map.

    pairs (2, p): the classes that can be parents together. A class is a subspecies, or one side of
    it (upper, under) where training tells them apart; parents are two subspecies on the same side.
    """

    whole: ClassSpace
    regions: tuple[ClassSpace, ...]
    grid: tuple[int, int]
    pairs: NDArray[np.int64]

    def evidence(self, pattern: Array) -> Array:
        """Return (3,) of EVIDENCE for a map (rows, columns, channels); higher = rather a cross.

        distance: Mahalanobis distance to the nearest subspecies.
        midpoint: log-odds of lying between, in the posterior over subspecies and midpoints of two.
        mosaic: log-likelihood ratio, each region free to come from either of two parents against
        all regions from one.
        """
        place = self.whole.place(pattern.ravel())
        to_class = _squared_distances(place, self.whole.means)
        first, second = self.pairs
        middles = (self.whole.means[first] + self.whole.means[second]) / 2
        to_middle = _squared_distances(place, middles)
        midpoint = _log_sum(-to_middle / (2 * _VARIANCE)) - _log_sum(-to_class / (2 * _VARIANCE))
        return np.array([np.sqrt(to_class.min()), midpoint, self._mosaic(pattern)])

    def _mosaic(self, pattern: Array) -> float:
        first, second = self.pairs
        log = np.stack(
            [
                -_squared_distances(space.place(region.ravel()), space.means)
                for region, space in zip(
                    region_blocks(pattern, self.grid), self.regions, strict=True
                )
            ]
        ) / (2 * _REGION_VARIANCE)
        two_parents = np.logaddexp(log[:, first], log[:, second]).sum(axis=0)
        return float(two_parents.max() - log.sum(axis=0).max())


def region_blocks(maps: Array, grid: tuple[int, int]) -> list[Array]:
    """Cut (..., rows, columns, channels) maps into the grid's regions, row by row."""
    height, width = maps.shape[-3:-1]
    ys = [i * height // grid[0] for i in range(grid[0] + 1)]
    xs = [i * width // grid[1] for i in range(grid[1] + 1)]
    return [
        maps[..., ys[i] : ys[i + 1], xs[j] : xs[j + 1], :]
        for i in range(grid[0])
        for j in range(grid[1])
    ]


def _squared_distances(place: Array, means: Array) -> Array:
    squared: Array = ((means - place) ** 2).sum(axis=1)
    return squared


def _log_sum(log: Array) -> float:
    top = float(log.max())
    return top + float(np.log(np.exp(log - top).sum()))


def to_arrays(geometry: ClassGeometry) -> dict[str, NDArray[np.generic]]:
    """Return flat names and small arrays for the weights file."""
    spaces = {"whole": geometry.whole} | {f"region{i}": s for i, s in enumerate(geometry.regions)}
    arrays: dict[str, NDArray[np.generic]] = {
        f"{name}.{part}": getattr(space, part).astype(np.float32)
        for name, space in spaces.items()
        for part in ("centre", "axes", "means")
    }
    return arrays | {"pairs": geometry.pairs.astype(np.int16)}


def from_arrays(arrays: Mapping[str, NDArray[np.generic]], grid: tuple[int, int]) -> ClassGeometry:
    """Return what `to_arrays` described, in float64. Raises KeyError for a missing array."""

    def space(name: str) -> ClassSpace:
        parts = (arrays[f"{name}.{part}"] for part in ("centre", "axes", "means"))
        return ClassSpace(*(part.astype(np.float64) for part in parts))

    regions = tuple(space(f"region{i}") for i in range(grid[0] * grid[1]))
    return ClassGeometry(space("whole"), regions, grid, arrays["pairs"].astype(np.int64))
