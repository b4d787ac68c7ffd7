"""Patterns on a part of an animal: stripes, spots, rings and ribs, as outlines."""

from __future__ import annotations

import numpy as np

from sample_data.generator_common.shapes import Points, blob, spread_points

from .sketch import oval, strip


def stripes(outline: Points, count: float, rng: np.random.Generator) -> list[Points]:
    """Return about `count` bands across x."""
    (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
    number = max(2, round(count))
    step = (right - left) / number
    bands = []
    for k in range(number):
        x = left + (k + 0.5) * step
        wide = step * rng.uniform(0.4, 0.55)
        lean = rng.normal(0, 0.1) * step
        bands.append(strip([[x, top], [x + lean, (top + bottom) / 2], [x, bottom]], (wide, wide)))
    return bands


def spots(outline: Points, count: float, rng: np.random.Generator) -> list[Points]:
    """Return about `count` irregular spots."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    number = max(2, round(count))
    radius = 0.3 * float(np.sqrt(np.prod(high - low) / number))
    places = spread_points(rng, (low[0], low[1]), (high[0], high[1]), number)
    return [
        blob(radius * rng.uniform(0.7, 1.3), 1.0, 0.0, rng.normal(0, 0.1, (3, 2))) + place
        for place in places
    ]


def fan(x: float, y: float, reach: float, count: float, spread: float) -> list[Points]:
    """Return ribs that run from a point to the right, like those of a scallop."""
    number = max(3, round(count))
    wide = 0.5 * 2 * spread * reach / number
    return [
        strip([[x, y], [x + reach * np.cos(a), y + reach * np.sin(a)]], (0.1 * wide, wide))
        for a in np.linspace(-spread, spread, number)
    ]


def middle_line(x0: float, x1: float, width: float) -> list[Points]:
    """Return a line along the animal's axis."""
    return [strip([[x0, 0.0], [x1, 0.0]], (width, width))]


def disc(x: float, y: float, radius: float) -> list[Points]:
    """Return one round mark."""
    return [oval(x, y, radius, radius)]
