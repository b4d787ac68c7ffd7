"""A sea turtle's head from the side: a mosaic of scutes between pale seams."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw
from scipy.spatial import Voronoi

from sample_data.generator_common.scenery import FINE, Size
from sample_data.generator_common.shapes import Points, fill, mix, smooth, spread_points, tone

from .landmarks import Drawing, grid
from .views import View, coverage

# Facing left; 0..1 from beak to neck, y down.
_HEAD = (
    (0.0, 0.37), (0.015, 0.28), (0.07, 0.17), (0.19, 0.075), (0.36, 0.02), (0.54, 0.03),
    (0.68, 0.09), (0.86, 0.13), (1.2, 0.1), (1.6, 0.06), (1.6, 0.8), (1.2, 0.74),
    (0.86, 0.64), (0.64, 0.645), (0.42, 0.59), (0.16, 0.51), (0.03, 0.46),
)  # fmt: skip
_FACE = (
    (0.12, 0.16), (0.2, 0.09), (0.36, 0.04), (0.54, 0.05), (0.68, 0.11), (0.79, 0.2), (0.82, 0.36),
    (0.77, 0.52), (0.64, 0.6), (0.5, 0.57), (0.38, 0.5), (0.2, 0.44), (0.12, 0.34),
)  # fmt: skip
_BEAK = (
    (-0.02, 0.37), (0.01, 0.27), (0.06, 0.19), (0.12, 0.17), (0.13, 0.3), (0.2, 0.42), (0.38, 0.48),
    (0.36, 0.57), (0.16, 0.53), (0.0, 0.47),
)  # fmt: skip
_EYE = (0.245, 0.235)
_CENTRE = np.array([0.5, 0.34])
_LANDMARKS = grid((0.1, 0.84), (0.04, 0.6))  # behind the beak to the neck, crown and throat
_PLAN = spread_points(np.random.default_rng(12), (0.08, 0.0), (0.86, 0.66), 44)


@dataclass(frozen=True)
class Scutes:
    """The mosaic of one side of a head: (n,) seeds of the cells, and how dark each is (0..1)."""

    seeds: Points
    shade: NDArray[np.float64]
    seam: float  # share of a cell that its seam takes

    def vector(self) -> NDArray[np.float64]:
        return coverage(self.seeds[:, 0], self.seeds[:, 1] * 1.5, 0.4 + self.shade)


def pattern(rng: np.random.Generator) -> Scutes:
    """One side of a new individual: its scutes depart from the plan that its species shares."""
    seeds = _PLAN + rng.normal(0, 0.03, _PLAN.shape)
    seeds = seeds[rng.permutation(len(seeds))[: int(rng.integers(34, len(seeds) + 1))]]
    return Scutes(seeds, rng.beta(0.9, 1.1, len(seeds)), rng.uniform(0.12, 0.2))


def _cells(marks: Scutes) -> list[tuple[Points, float]]:
    """Outline and shade of each scute: its Voronoi cell, a little smaller, corners rounded."""
    seeds = marks.seeds
    around = [
        seeds * np.array([-1, 1]),
        seeds * [1, -1],
        [2, 0] - seeds * [1, -1],
        [0, 1.4] + seeds * [1, -1],
    ]
    diagram = Voronoi(np.concatenate([seeds, *around]))
    cells = []
    for k, shade in enumerate(marks.shade):
        corners = diagram.vertices[diagram.regions[diagram.point_region[k]]]
        centre = corners.mean(axis=0)
        # Each corner is cut once: scutes are not quite straight-sided.
        after = np.roll(corners, -1, axis=0)
        cut = np.stack([0.85 * corners + 0.15 * after, 0.15 * corners + 0.85 * after], axis=1)
        cells.append((centre + (cut.reshape(-1, 2) - centre) * (1 - marks.seam), float(shade)))
    return cells


def _view(rng: np.random.Generator, size: Size, spread: float, side: str) -> View:
    frame = np.array(size, dtype=float) * FINE
    turn = rng.normal(0, 0.26 * spread)
    zoom = float(min(frame[0] / 1.02, frame[1] / 0.74)) * rng.uniform(0.8, 1.25)
    yaw = max(0.62, 1 - abs(rng.normal(0, 0.24 * spread)))
    shear = rng.normal(0, 0.08 * spread)
    rotate = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = zoom * rotate @ np.array([[yaw, shear], [0, 1 + rng.normal(0, 0.04 * spread)]])
    middle = frame * (0.5 + rng.normal(0, 0.08 * spread, 2))
    # Beyond 0.25 the neck, which reaches out of the frame, would fold over the head.
    depth, bend = np.clip(rng.normal(0, (0.16 * spread, 0.12 * spread)), -0.25, 0.25)
    return View(frame, _CENTRE, matrix, middle, float(depth), float(bend), side == "right")


def _neck(
    draw: ImageDraw.ImageDraw, view: View, rng: np.random.Generator, skin: tuple[int, int, int]
) -> None:
    """Wrinkled skin behind the face; it changes with every move, so it tells nothing."""
    for x, y in rng.uniform((0.78, 0.05), (1.6, 0.8), (70, 2)):
        r = rng.uniform(0.012, 0.03)
        at = smooth([(x - r, y), (x, y - r), (x + r, y), (x, y + r)], 3)
        fill(draw, view.place(at), tone(skin, rng.uniform(0.6, 0.95)))


def paint(marks: Scutes, side: str, size: Size, rng: np.random.Generator, spread: float) -> Drawing:
    """The head in a new pose, in an image of `size`."""
    view = _view(rng, size, spread, side)
    pale = mix((226, 208, 160), (190, 186, 140), rng.random())
    dark = mix((66, 44, 28), (44, 46, 40), rng.random())
    light = mix((176, 118, 62), (150, 134, 84), rng.random())
    skin = Image.new("RGB", (size[0] * FINE, size[1] * FINE), pale)
    shape = Image.new("L", skin.size, 0)
    fill(ImageDraw.Draw(shape), view.place(smooth(_HEAD)), 255)
    draw = ImageDraw.Draw(skin)
    _neck(draw, view, rng, pale)
    scutes = skin.copy()
    on_face = ImageDraw.Draw(scutes)
    fill(on_face, view.place(smooth(_FACE)), pale)
    for cell, shade in _cells(marks):
        colour = tone(mix(light, dark, shade), rng.uniform(0.94, 1.06))
        fill(on_face, view.place(cell), colour)
    face = Image.new("L", skin.size, 0)
    fill(ImageDraw.Draw(face), view.place(smooth(_FACE)), 255)
    skin.paste(scutes, mask=ImageChops.multiply(face, shape))
    fill(draw, view.place(smooth(_BEAK)), mix(pale, light, 0.45))
    mouth = view.place(np.array([[0.0, 0.42], [0.12, 0.44], [0.25, 0.5], [0.37, 0.525]]))
    draw.line([(float(x), float(y)) for x, y in mouth], fill=tone(dark, 0.8), width=FINE + 1)
    _eye(draw, view, pale, dark)
    return Drawing(skin, shape, view.place(_LANDMARKS))


def _eye(
    draw: ImageDraw.ImageDraw, view: View, pale: tuple[int, int, int], dark: tuple[int, int, int]
) -> None:
    corners = np.array([[-1, 0.1], [-0.5, -0.7], [0.5, -0.8], [1, 0.0], [0.5, 0.8], [-0.5, 0.7]])
    for reach, colour in ((0.085, pale), (0.066, tone(dark, 0.5)), (0.05, (12, 12, 12))):
        fill(draw, view.place(smooth(corners * reach * [1, 0.9] + np.array(_EYE))), colour)
    fill(
        draw,
        view.place(smooth(corners * 0.012 + np.array(_EYE) + [0.014, -0.018])),
        (225, 225, 225),
    )
