"""From a pipeline's score to the probability that two images show the same individual.

A monotone curve through the steps of an isotonic regression, as in WildFusion (Cermak et al. 2024,
arXiv 2408.12934): knots in the middle of each step's ends, monotone cubic interpolation (PCHIP)
between them, 0 below and 1 above the scores that were seen. The fit is in
training/reid/matching/calibrate.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator

Array = NDArray[np.float64]
# Added per unit of score, so that scores on a flat stretch keep their order.
_TIE_BREAK = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Calibration:
    """Knots x (k,), strictly ascending, and probabilities y (k,), not descending."""

    x: tuple[float, ...]
    y: tuple[float, ...]

    def __post_init__(self) -> None:
        x, y = np.array(self.x), np.array(self.y)
        if x.shape != y.shape or not len(x) or not np.isfinite([x, y]).all():
            raise ValueError(f"a calibration needs as many finite x as y, found {x} and {y}")
        if np.any(np.diff(x) <= 0) or np.any(np.diff(y) < 0) or y.min() < 0 or y.max() > 1:
            raise ValueError("a calibration's x ascend, its y do not descend and lie in 0..1")

    def __call__(self, scores: ArrayLike) -> Array:
        """Return probabilities of any shape; NaN (a pair that was not scored) stays NaN."""
        values = np.asarray(scores, dtype=np.float64)
        inside = np.clip(values, self.x[0], self.x[-1])
        probabilities = np.asarray(self._curve(inside), dtype=np.float64)
        probabilities = np.where(
            values < self.x[0], 0.0, np.where(values > self.x[-1], 1.0, probabilities)
        )
        return np.where(np.isnan(values), np.nan, probabilities + values * _TIE_BREAK)

    @cached_property
    def _curve(self) -> Any:
        if len(self.x) == 1:
            return lambda inside: np.full(inside.shape, self.y[0])
        return PchipInterpolator(self.x, self.y)

    def as_json(self) -> dict[str, list[float]]:
        return {"x": list(self.x), "y": list(self.y)}


def from_json(value: dict[str, list[float]]) -> Calibration:
    """Return the calibration that `as_json` described. Raises KeyError, ValueError."""
    return Calibration(tuple(map(float, value["x"])), tuple(map(float, value["y"])))
