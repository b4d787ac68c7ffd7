"""A spotted cat from the side: rosettes on the flank, spots on legs and shoulder, a ringed tail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from sample_data.generator_common.scenery import FINE, Size
from sample_data.generator_common.shapes import (
    Colour,
    Points,
    blob,
    fill,
    limb,
    mix,
    refine,
    smooth,
    spread_points,
    tone,
)

from .landmarks import Drawing, grid
from .views import View, coverage

# Facing left; the trunk is 1 long, chest to rump, y down from the line of the back.
_TRUNK = (
    (-0.37, 0.11), (-0.34, 0.03), (-0.27, -0.045), (-0.235, -0.08), (-0.205, -0.135),
    (-0.165, -0.075), (-0.08, -0.045), (0.06, -0.045), (0.22, -0.01), (0.45, 0.02), (0.7, 0.0),
    (0.88, -0.01), (1.0, 0.08), (1.04, 0.24), (0.98, 0.42), (0.82, 0.44), (0.66, 0.39),
    (0.42, 0.43), (0.22, 0.46), (0.06, 0.43), (-0.04, 0.32), (-0.1, 0.23),
    (-0.2, 0.2), (-0.31, 0.185), (-0.37, 0.15),
)  # fmt: skip
_CENTRE = np.array([0.42, 0.25])
_LANDMARKS = grid((-0.05, 1.0), (0.0, 0.44))  # chest to rump, along the back and the belly
_BLACK: Colour = (30, 24, 20)


@dataclass(frozen=True)
class Rosettes:
    """The coat of one side, (n,) each; angles in radians, lengths in trunk lengths."""

    place: Points
    radius: NDArray[np.float64]
    aspect: NDArray[np.float64]
    angle: NDArray[np.float64]
    parts: NDArray[np.int64]  # pieces of the ring; 1 = a solid spot
    gap: NDArray[np.float64]  # share of the ring that is open
    waves: NDArray[np.float64]
    legs: Points  # (k, 2): 0..1 down the leg, -1..1 across; the first half is the foreleg's

    def vector(self) -> NDArray[np.float64]:
        return coverage(
            self.place[:, 0],
            self.place[:, 1] * 2.2,
            self.radius / 0.04 * np.where(self.parts > 1, 1, 0.5),
        )


def pattern(rng: np.random.Generator) -> Rosettes:
    """One side of a new individual."""
    count = int(rng.integers(30, 44))
    place = spread_points(rng, (-0.08, 0.0), (1.02, 0.44), count)
    small = (place[:, 0] < 0.12) | (rng.random(count) < 0.12)
    radius = np.where(small, 0.024, 0.05) * np.sqrt(36 / count) * rng.lognormal(0, 0.22, count)
    waves = [np.abs(rng.normal(0, 0.12, (count, 4))), rng.uniform(0, 2 * np.pi, (count, 4))]
    return Rosettes(
        place=place,
        radius=radius.clip(0.016, 0.07),
        aspect=np.exp(rng.normal(0.06, 0.16, count)),
        angle=rng.uniform(0, 2 * np.pi, count),
        parts=np.where(small, 1, rng.integers(2, 5, count)),
        gap=rng.uniform(0.15, 0.45, count),
        waves=np.stack(waves, axis=2),
        legs=rng.uniform((0.05, -0.8), (0.85, 0.8), (22, 2)),
    )


def _view(rng: np.random.Generator, size: Size, spread: float, side: str) -> View:
    frame = np.array(size, dtype=float) * FINE
    turn = rng.normal(0, 0.12 * spread)
    zoom = frame[0] / rng.uniform(0.9, 1.6)
    yaw = max(0.62, 1 - abs(rng.normal(0, 0.3 * spread)))
    rotate = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    squash = np.array([[yaw, rng.normal(0, 0.06 * spread)], [0, 1 + rng.normal(0, 0.05 * spread)]])
    middle = frame * (np.array([0.5, 0.44]) + rng.normal(0, 0.09 * spread, 2))
    bend, depth = np.clip(rng.normal(0, (0.09 * spread, 0.14 * spread)), -0.25, 0.25)
    matrix = zoom * rotate @ squash
    return View(frame, _CENTRE, matrix, middle, float(depth), float(bend), side == "right")


def _leg(hip: Points, swing: float, hind: bool) -> tuple[Points, list[float]]:
    """Joints (refined) and widths of a leg."""
    steps = [(0, 0), (-0.06, 0.2), (0.05, 0.38), (0.0, 0.56), (-0.05, 0.58)]
    fore = [(0, 0), (0.01, 0.2), (0.0, 0.38), (-0.01, 0.54), (-0.06, 0.56)]
    joints = np.array(steps if hind else fore) + hip
    joints[:, 0] += swing * np.array([0, 0.3, 0.6, 1, 1])
    line = refine(joints)
    ends = [0.24, 0.15, 0.08, 0.07, 0.06] if hind else [0.16, 0.12, 0.08, 0.075, 0.065]
    return line, np.interp(np.linspace(0, 4, len(line)), np.arange(5), ends).tolist()


def _tail(rng: np.random.Generator) -> tuple[Points, list[float]]:
    curl = rng.normal(0, 0.16)
    joints = np.array([[0.99, 0.06], [1.12, 0.2], [1.2, 0.42 + curl], [1.34, 0.56 + 2 * curl]])
    line = refine(joints, 8)
    return line, np.linspace(0.075, 0.05, len(line)).tolist()


def _ring(marks: Rosettes, k: int) -> list[Points]:
    """The dark pieces of a rosette around (0, 0), or one solid spot."""
    outer = blob(marks.radius[k], marks.aspect[k], marks.angle[k], marks.waves[k], 36)
    if marks.parts[k] == 1:
        return [outer]
    inner = outer * 0.52
    pieces, whole = [], 36 // int(marks.parts[k])
    for part in range(int(marks.parts[k])):
        span = (
            np.arange(part * whole, part * whole + max(3, round(whole * (1 - marks.gap[k]))) + 1)
            % 36
        )
        pieces.append(np.concatenate([outer[span], inner[span[::-1]]]))
    return pieces


def _coat(draw: ImageDraw.ImageDraw, marks: Rosettes, view: View, tan: Colour) -> None:
    for k, at in enumerate(marks.place):
        if marks.parts[k] > 1:
            core = blob(marks.radius[k] * 0.7, marks.aspect[k], marks.angle[k], marks.waves[k])
            fill(draw, view.place(core + at), tone(tan, 0.8))
        for piece in _ring(marks, k):
            fill(draw, view.place(piece + at), _BLACK)


def _leg_spots(
    draw: ImageDraw.ImageDraw, spots: Points, line: Points, widths: list[float], view: View
) -> None:
    for down, across in spots:
        at = int(down * (len(line) - 1))
        centre = line[at] + [across * widths[at] / 2, 0]
        fill(draw, view.place(blob(0.016, 1.1, 0.3, np.zeros((0, 2)), 10) + centre), _BLACK)


def paint(
    marks: Rosettes, side: str, size: Size, rng: np.random.Generator, spread: float
) -> Drawing:
    """The animal in a new pose, in an image of `size`."""
    view = _view(rng, size, spread, side)
    tan = mix((206, 160, 92), (188, 156, 112), rng.random())
    skin = Image.new("RGB", (size[0] * FINE, size[1] * FINE), tan)
    shape = Image.new("L", skin.size, 0)
    draw, on_shape = ImageDraw.Draw(skin), ImageDraw.Draw(shape)
    legs = [
        _leg(np.array(hip), float(rng.normal(0, 0.1)), hind)
        for hip, hind in (
            ((0.16, 0.36), False),
            ((0.88, 0.36), True),
            ((0.1, 0.34), False),
            ((0.87, 0.3), True),
        )
    ]
    for number, (line, widths) in enumerate(legs):
        outline = view.place(limb(line, widths))
        fill(draw, outline, tone(tan, 0.62 if number < 2 else 0.98))
        fill(on_shape, outline, 255)
    line, widths = _tail(rng)
    fill(draw, view.place(limb(line, widths)), tan)
    fill(on_shape, view.place(limb(line, widths)), 255)
    for at in range(4, len(line) - 1, 4):
        fill(draw, view.place(limb(line[at : at + 2], widths[at : at + 2])), _BLACK)
    trunk = view.place(smooth(_TRUNK))
    fill(on_shape, trunk, 255)
    _trunk(skin, marks, view, tan, trunk)
    for (line, widths), spots in zip(legs[2:], np.split(marks.legs, 2), strict=True):
        _leg_spots(draw, spots, line, widths, view)
    _head(draw, view, tan)
    return Drawing(skin, shape, view.place(_LANDMARKS))


def _trunk(skin: Image.Image, marks: Rosettes, view: View, tan: Colour, outline: Points) -> None:
    """The trunk with belly and coat, clipped to its outline."""
    coat = Image.new("RGB", skin.size, tan)
    draw = ImageDraw.Draw(coat)
    for level in np.linspace(0.34, 0.5, 6):
        band = np.array([[-0.5, level], [1.2, level], [1.2, 0.8], [-0.5, 0.8]])
        fill(draw, view.place(band), mix(tan, (236, 226, 204), float((level - 0.3) * 4)))
    _coat(draw, marks, view, tan)
    mask = Image.new("L", skin.size, 0)
    fill(ImageDraw.Draw(mask), outline, 255)
    skin.paste(coat, mask=mask)


def _head(draw: ImageDraw.ImageDraw, view: View, tan: Colour) -> None:
    """Ear, eye, muzzle: the same for all."""
    marks: tuple[tuple[tuple[tuple[float, float], ...], Colour], ...] = (
        (((-0.23, -0.07), (-0.205, -0.12), (-0.175, -0.07)), tone(tan, 0.5)),
        (((-0.37, 0.11), (-0.34, 0.09), (-0.34, 0.13), (-0.365, 0.14)), (70, 44, 40)),
        (((-0.34, 0.14), (-0.25, 0.13), (-0.22, 0.18), (-0.3, 0.185)), (232, 222, 204)),
        (((-0.29, 0.035), (-0.265, 0.03), (-0.26, 0.05), (-0.28, 0.055)), (24, 20, 16)),
    )
    for corners, colour in marks:
        fill(draw, view.place(smooth(corners, 3)), colour)
