"""Outlines of which animals, spots and leaves are made: smooth curves, blobs, tapered limbs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw

Points = NDArray[np.float64]  # (n, 2): x to the right, y down
Colour = tuple[int, int, int]


def smooth(corners: Sequence[tuple[float, float]] | Points, steps: int = 6) -> Points:
    """A closed Catmull-Rom curve through the corners, (n * steps, 2)."""
    p1 = np.asarray(corners, dtype=np.float64)
    p0, p2, p3 = (np.roll(p1, shift, axis=0) for shift in (1, -1, -2))
    t = (np.arange(steps) / steps)[None, :, None]
    a, b, c, d = (one[:, None, :] for one in (p0, p1, p2, p3))
    curve = 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )
    return curve.reshape(-1, 2)


def blob(radius: float, aspect: float, angle: float, waves: Points, corners: int = 26) -> Points:
    """A closed irregular outline around (0, 0).

    `waves` is (k, 2): amplitude, as a share of the radius, and phase of harmonics 2, 3, ...
    """
    at = np.arange(corners) * 2 * np.pi / corners
    reach = np.ones(corners)
    for order, (amplitude, phase) in enumerate(waves, start=2):
        reach += amplitude * np.cos(order * at + phase)
    x, y = radius * reach * np.cos(at) * aspect, radius * reach * np.sin(at) / aspect
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=1)


def limb(joints: Points, widths: Sequence[float] | NDArray[np.float64]) -> Points:
    """A tapered strip along a line of joints, widths at each joint, rounded at the end."""
    along = np.gradient(joints, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) * np.asarray(widths)[:, None] / 2
    tip = joints[-1] + along[-1] * widths[-1] / 2
    return np.concatenate([joints + across, tip[None], (joints - across)[::-1]])


def refine(joints: Points, steps: int = 5) -> Points:
    """An open line with `steps` points between joints, rounded by two passes of averaging."""
    at = np.linspace(0, len(joints) - 1, steps * (len(joints) - 1) + 1)
    line = np.stack([np.interp(at, np.arange(len(joints)), joints[:, k]) for k in (0, 1)], axis=1)
    for _ in range(steps):
        line[1:-1] = (line[:-2] + 2 * line[1:-1] + line[2:]) / 4
    return line


def spread_points(
    rng: np.random.Generator, low: tuple[float, float], high: tuple[float, float], count: int
) -> Points:
    """`count` points in a rectangle that keep away from each other: the best of 8 candidates."""
    chosen = [rng.uniform(low, high)]
    for _ in range(count - 1):
        candidates = rng.uniform(low, high, (8, 2))
        apart = np.linalg.norm(candidates[:, None] - np.array(chosen)[None], axis=2).min(axis=1)
        chosen.append(candidates[int(apart.argmax())])
    return np.array(chosen)


def fill(draw: ImageDraw.ImageDraw, points: Points, colour: Colour | int) -> None:
    draw.polygon([(float(x), float(y)) for x, y in points], fill=colour)


def tone(colour: Colour, factor: float) -> Colour:
    """The colour lighter or darker."""
    r, g, b = (int(min(255, max(0, round(part * factor)))) for part in colour)
    return r, g, b


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`share` of the second colour in the first."""
    r, g, b = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return r, g, b
