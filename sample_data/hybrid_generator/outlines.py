"""Wing and body outlines as closed curves, with coordinates that follow the wing.

Canonical space: the thorax is the origin, x to the right wing tip, y down, half a wingspan is 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

Points = np.ndarray  # (n, 2) float64


def catmull_rom(knots: Points, steps: int = 12) -> Points:
    """Smooth open curve through `knots` (n, 2): ((n - 1) * steps + 1, 2)."""
    padded = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    before, start, end, after = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = (np.arange(steps) / steps)[None, :, None]
    before, start, end, after = (p[:, None, :] for p in (before, start, end, after))
    curve = 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )
    return np.vstack([curve.reshape(-1, 2), knots[-1:]])


def along(curve: Points, share: Points | float) -> Points:
    """Points at `share` (0..1) of the arc length of a polyline."""
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T))])
    where = np.clip(np.asarray(share, dtype=float), 0, 1) * lengths[-1]
    return np.stack([np.interp(where, lengths, curve[:, k]) for k in (0, 1)], axis=-1)


@dataclass(frozen=True, eq=False)
class Forewing:
    """Between the costa (front edge) and the lower edge (hind and outer margin), base to apex."""

    costa: Points
    lower: Points

    @property
    def outline(self) -> Points:
        return np.vstack([self.costa, self.lower[::-1]])

    def at(self, u: Points, v: Points) -> Points:
        """u: base 0 to apex 1; v: costa 0 to lower edge 1."""
        v = np.asarray(v, dtype=float)[..., None]
        point: Points = (1 - v) * along(self.costa, u) + v * along(self.lower, u)
        return point


@dataclass(frozen=True, eq=False)
class Hindwing:
    """A fan from the base to the edge.

    The edge runs from the front to the inner margin.
    """

    base: Points
    edge: Points

    @property
    def outline(self) -> Points:
        return np.vstack([self.base[None, :], self.edge])

    def at(self, r: Points, t: Points) -> Points:
        """r: base 0 to edge 1; t: along the edge, front 0 to inner margin 1."""
        r = np.asarray(r, dtype=float)[..., None]
        point: Points = (1 - r) * self.base + r * along(self.edge, t)
        return point


_FOREWING = {
    "A": (
        [(0.04, -0.05), (0.22, -0.17), (0.46, -0.31), (0.7, -0.43), (0.85, -0.475), (0.95, -0.45)],
        [
            (0.04, 0.02),
            (0.2, 0.075),
            (0.42, 0.115),
            (0.6, 0.125),
            (0.7, 0.09),
            (0.79, -0.02),
            (0.89, -0.16),
            (0.975, -0.29),
            (0.985, -0.385),
            (0.95, -0.45),
        ],
    ),
    # Longer, narrower, with a hollow outer margin.
    "B": (
        [(0.04, -0.05), (0.24, -0.14), (0.5, -0.27), (0.76, -0.4), (0.92, -0.455), (1.02, -0.44)],
        [
            (0.04, 0.02),
            (0.2, 0.06),
            (0.43, 0.085),
            (0.62, 0.085),
            (0.71, 0.045),
            (0.785, -0.055),
            (0.885, -0.17),
            (1.0, -0.29),
            (1.045, -0.38),
            (1.02, -0.44),
        ],
    ),
}
_HINDWING = {
    "A": [
        (0.16, -0.03),
        (0.4, 0.03),
        (0.6, 0.08),
        (0.71, 0.16),
        (0.735, 0.27),
        (0.69, 0.39),
        (0.58, 0.495),
        (0.44, 0.575),
        (0.29, 0.61),
        (0.17, 0.585),
        (0.1, 0.5),
        (0.065, 0.36),
        (0.04, 0.2),
        (0.03, 0.08),
    ],
    # Squarer, with a scalloped edge.
    "B": [
        (0.16, -0.03),
        (0.42, 0.02),
        (0.64, 0.045),
        (0.76, 0.11),
        (0.795, 0.2),
        (0.755, 0.29),
        (0.735, 0.375),
        (0.645, 0.425),
        (0.575, 0.51),
        (0.47, 0.53),
        (0.37, 0.585),
        (0.26, 0.57),
        (0.165, 0.55),
        (0.1, 0.46),
        (0.06, 0.3),
        (0.03, 0.08),
    ],
}


@cache
def forewing(species: str) -> Forewing:
    costa, lower = (catmull_rom(np.array(knots)) for knots in _FOREWING[species])
    return Forewing(costa, lower)


@cache
def hindwing(species: str) -> Hindwing:
    return Hindwing(np.array([0.03, -0.01]), catmull_rom(np.array(_HINDWING[species])))


@cache
def body() -> Points:
    """Head, thorax and abdomen in one closed outline, symmetric about x = 0."""
    right = np.array(
        [
            (0.0, -0.165),
            (0.022, -0.155),
            (0.03, -0.13),
            (0.022, -0.11),
            (0.038, -0.08),
            (0.048, -0.02),
            (0.04, 0.045),
            (0.024, 0.08),
            (0.03, 0.15),
            (0.031, 0.26),
            (0.026, 0.38),
            (0.016, 0.45),
            (0.0, 0.47),
        ]
    )
    half = catmull_rom(right, 6)
    return np.vstack([half, half[::-1] * [-1, 1]])


@cache
def antenna() -> Points:
    """The right antenna, as an open curve from the head to the club."""
    return catmull_rom(
        np.array([(0.012, -0.15), (0.06, -0.27), (0.13, -0.4), (0.22, -0.53), (0.29, -0.6)]), 6
    )
