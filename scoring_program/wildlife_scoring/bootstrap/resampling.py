"""Draw resamples of a table's rows, or of groups of rows, as weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Weights = NDArray[np.float64]
Values = NDArray[np.float64]
# (b, rows) weights -> (b, keys) values; NaN where a resample leaves a metric undefined.
Statistic = Callable[[Weights], Values]
BLOCK_VALUES = 1_000_000  # weights held at once: 8 MB


@dataclass(frozen=True)
class Units:
    """What is drawn: code (rows,), the number of each row's unit, from 0 to count - 1.

    A unit is a row, or a group of rows that are no independent evidence: the images of a specimen,
    an individual, a sequence.
    """

    code: NDArray[np.intp]
    count: int

    @classmethod
    def rows(cls, count: int) -> Units:
        """Return units of one row each."""
        return cls(np.arange(count), count)

    @classmethod
    def groups(cls, labels: ArrayLike) -> Units:
        """Return the groups of rows with equal labels (rows,)."""
        names, code = np.unique(np.asarray(labels), return_inverse=True)
        return cls(code, len(names))

    def weights(self, drawn: NDArray[np.int64]) -> Weights:
        """Return (b, rows) weights of (b, count) numbers of draws."""
        return drawn[:, self.code].astype(np.float64)


def resample(statistic: Statistic, units: Units, resamples: int, seed: int) -> Values:
    """Return the statistic of resamples drawn with replacement: (resamples, keys).

    Each draws as many units as there are. Raises ValueError for less than one resample or unit.
    """
    if resamples < 1 or units.count < 1:
        raise ValueError(f"expected resamples and units, found {resamples} and {units.count}")
    rng = np.random.default_rng(seed)
    parts = [
        statistic(units.weights(_draw(rng, size, units.count)))
        for size in _blocks(resamples, len(units.code))
    ]
    return np.concatenate(parts)


def leave_one_out(statistic: Statistic, units: Units) -> Values:
    """Return the statistic without each unit in turn: (units, keys)."""
    parts, start = [], 0
    for size in _blocks(units.count, len(units.code)):
        drawn = np.ones((size, units.count), dtype=np.int64)
        drawn[np.arange(size), start + np.arange(size)] = 0
        parts.append(statistic(units.weights(drawn)))
        start += size
    return np.concatenate(parts)


def whole(statistic: Statistic, units: Units) -> Values:
    """Return the statistic of the table itself: (keys,)."""
    values: Values = statistic(np.ones((1, len(units.code))))[0]
    return values


def difference(first: Statistic, second: Statistic) -> Statistic:
    """Return the statistic `second` - `first` of the same rows: a paired comparison."""
    return lambda weights: second(weights) - first(weights)


def _draw(rng: np.random.Generator, size: int, count: int) -> NDArray[np.int64]:
    """Count how often each of `count` units is drawn in each of `size` resamples."""
    drawn = rng.integers(0, count, (size, count))
    flat = (drawn + count * np.arange(size)[:, None]).ravel()
    return np.bincount(flat, minlength=size * count).reshape(size, count)


def _blocks(total: int, rows: int) -> Iterator[int]:
    size = max(1, BLOCK_VALUES // max(rows, 1))
    for start in range(0, total, size):
        yield min(size, total - start)


def require_rows(columns: Sequence[NDArray[np.generic]]) -> None:
    """Raise ValueError unless all columns have shape (n,), with n >= 1 the same."""
    shapes = {column.shape for column in columns}
    if len(shapes) != 1 or columns[0].ndim != 1 or not len(columns[0]):
        raise ValueError(f"expected columns of one length above 0, found shapes {sorted(shapes)}")
