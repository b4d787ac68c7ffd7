"""A fire salamander from above: yellow blotches on a dark body that bends and rolls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from sample_data.generator_common.scenery import FINE, Size
from sample_data.generator_common.shapes import (
    Points,
    blob,
    fill,
    limb,
    mix,
    refine,
    spread_points,
    tone,
)

from .landmarks import Drawing, grid
from .views import coverage

# Half the body's width along it, in body lengths: snout, head, neck, trunk, hip, tail.
_AT = np.array([0.0, 0.02, 0.06, 0.11, 0.16, 0.2, 0.3, 0.42, 0.52, 0.6, 0.68, 0.85, 1.0])
_HALF = np.array(
    [0.012, 0.046, 0.066, 0.074, 0.06, 0.062, 0.079, 0.084, 0.075, 0.056, 0.042, 0.024, 0.004]
)
_GIRTH = 0.078  # body lengths per radian around the trunk
_ROLL_SEEN = np.pi / 2
_LANDMARKS = grid((0.03, 0.78), (-0.075, 0.075))  # snout to mid-tail, on both flanks


@dataclass(frozen=True)
class Blotches:
    """An individual's pattern, (n,) each; `waves` is (n, 4, 2), see shapes.blob.

    `along` is 0 at the snout and 1 at the tail's tip, `around` radians from the spine.
    """

    along: NDArray[np.float64]
    around: NDArray[np.float64]
    radius: NDArray[np.float64]  # body lengths
    aspect: NDArray[np.float64]
    angle: NDArray[np.float64]
    waves: NDArray[np.float64]

    def vector(self) -> NDArray[np.float64]:
        """Numbers that tell the pattern, for the true distance between two."""
        return coverage(self.along, self.around / 3 + 0.5, self.radius / 0.03)


def pattern(rng: np.random.Generator) -> Blotches:
    """A new individual: 20 to 35 blotches, larger or smaller, round or drawn out."""
    count = int(rng.integers(20, 36))
    places = spread_points(rng, (0.03, -1.35), (0.97, 1.35), count)
    size = rng.uniform(0.8, 1.15) * np.sqrt(26 / count)
    return Blotches(
        along=places[:, 0],
        around=places[:, 1],
        radius=0.027 * size * rng.lognormal(0, 0.38, count).clip(0.45, 1.9),
        aspect=np.exp(rng.normal(0.08, 0.24, count)),
        angle=rng.uniform(0, np.pi, count),
        waves=np.stack(
            [np.abs(rng.normal(0, 0.16, (count, 4))), rng.uniform(0, 2 * np.pi, (count, 4))], axis=2
        ),
    )


@dataclass(frozen=True)
class Spine:
    """The bent centreline, in pixels of the fine drawing."""

    line: Points  # (81, 2)
    normal: Points
    length: float
    roll: float

    def place(self, along: NDArray[np.float64], across: NDArray[np.float64]) -> Points:
        """Return points at a share of the length and a distance (body lengths) from the spine."""
        at = np.linspace(0, 1, len(self.line))
        base = np.stack([np.interp(along, at, self.line[:, k]) for k in (0, 1)], axis=1)
        side = np.stack([np.interp(along, at, self.normal[:, k]) for k in (0, 1)], axis=1)
        return base + side * (across * self.length)[:, None]


def half_width(along: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.interp(along, _AT, _HALF))


def _spine(rng: np.random.Generator, size: Size, spread: float) -> Spine:
    """A gentle bend of the trunk and a stronger one of the tail, fitted into the frame."""
    s = np.linspace(0, 1, 81)
    trunk, wave, tail = rng.normal(0, (0.75 * spread, 0.45 * spread, 1.1 * spread))
    heading = trunk * (s - 0.35) + wave * np.sin(2 * np.pi * s) + 3 * tail * np.clip(s - 0.6, 0, 1)
    start = rng.normal(0, 0.22 * spread) + (np.pi if rng.random() < 0.5 else 0.0)
    if size[0] < size[1]:
        start += np.pi / 2
    heading = heading + start
    line = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], axis=1), axis=0) / 80
    normal = np.stack([-np.sin(heading), np.cos(heading)], axis=1)
    seen = s <= rng.uniform(0.72, 1.0)  # the rest of the tail may leave the frame
    low = (line[seen] - 0.085).min(axis=0)
    high = (line[seen] + 0.085).max(axis=0)
    frame = np.array(size) * FINE
    scale = float((frame / (high - low)).min()) * rng.uniform(0.97, 1.12)
    middle = frame * (0.5 + rng.normal(0, 0.02 * spread, 2))
    return Spine(
        (line - (low + high) / 2) * scale + middle, normal, scale, rng.normal(0, 0.2 * spread)
    )


def _legs(spine: Spine, rng: np.random.Generator) -> list[Points]:
    """Outlines of four legs with toes, in pixels."""
    outlines = []
    for along, forward in ((0.235, -1.0), (0.565, 1.0)):
        for side in (-1.0, 1.0):
            swing = rng.normal(0.05, 0.045) * forward
            bend = rng.normal(0.0, 0.03)
            at = np.array([along, along + swing * 0.6, along + swing + bend])
            joints = spine.place(at, side * np.array([0.03, 0.115, 0.165]))
            outlines.append(limb(refine(joints), np.linspace(0.05, 0.03, 11) * spine.length))
            for toe in np.linspace(-0.03, 0.03, 4):
                tip = np.array([at[2], at[2] + toe])
                line = spine.place(tip, side * np.array([0.16, 0.2]))
                outlines.append(limb(refine(line, 2), [0.013 * spine.length] * 3))
    return outlines


def _body(spine: Spine) -> Points:
    along = np.concatenate([np.linspace(0, 0.2, 24), np.linspace(0.21, 1, 56)])
    half = half_width(along)
    return np.concatenate([spine.place(along, half), spine.place(along[::-1], -half[::-1])])


def _blotch(spine: Spine, marks: Blotches, k: int) -> Points:
    """Outline of a blotch on the rolled body; what is beyond the edge is pressed onto it."""
    shape = blob(marks.radius[k], marks.aspect[k], marks.angle[k], marks.waves[k])
    along = np.clip(marks.along[k] + shape[:, 0], 0.004, 0.996)
    around = marks.around[k] + spine.roll + shape[:, 1] / _GIRTH
    across = half_width(along) * np.sin(np.clip(around, -_ROLL_SEEN, _ROLL_SEEN))
    return spine.place(along, across)


def paint(marks: Blotches, size: Size, rng: np.random.Generator, spread: float) -> Drawing:
    """The animal in a new pose, in an image of `size`."""
    spine = _spine(rng, size, spread)
    dark = tone(mix((26, 24, 28), (52, 44, 40), rng.random()), rng.uniform(0.8, 1.2))
    yellow = mix((238, 206, 44), (226, 150, 36), rng.random() * 0.8)
    skin = Image.new("RGB", (size[0] * FINE, size[1] * FINE), dark)
    shape = Image.new("L", skin.size, 0)
    on_skin, on_shape = ImageDraw.Draw(skin), ImageDraw.Draw(shape)
    for leg in _legs(spine, rng):
        fill(on_skin, leg, tone(dark, 1.25))
        fill(on_shape, leg, 255)
    body = _body(spine)
    fill(on_skin, body, dark)
    fill(on_shape, body, 255)
    for k in range(len(marks.along)):
        fill(on_skin, _blotch(spine, marks, k), tone(yellow, rng.uniform(0.92, 1.05)))
    for side in (-1.0, 1.0):
        x, y = spine.place(np.array([0.062]), np.array([side * 0.052]))[0]
        r = 0.014 * spine.length
        on_skin.ellipse([x - r, y - r, x + r, y + r], fill=(8, 8, 8))
        on_skin.ellipse([x - r / 3, y - r / 2, x + r / 4, y], fill=(150, 150, 150))
    return Drawing(skin, shape, spine.place(*_LANDMARKS.T))
