"""What each fixed camera looks at: the same ground, trees and stones in all its frames."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from sample_data.generator_common.scenery import FINE, Pixels, Size, blades, fractal, tinted
from sample_data.generator_common.shapes import (
    Colour,
    Points,
    blob,
    fill,
    limb,
    mix,
    refine,
    smooth,
    tone,
)

SIZE: Size = (320, 180)


@dataclass(frozen=True)
class Kind:
    """What a sort of place is made of."""

    ground: tuple[Colour, Colour]  # dark, light
    far: tuple[Colour, Colour]
    trees: tuple[int, int]
    bushes: tuple[int, int]
    stones: tuple[int, int]
    grass: tuple[int, int]  # blades before the camera
    water: bool = False
    path: bool = False


KINDS = {
    "forest": Kind(((50, 44, 28), (128, 110, 72)), ((20, 30, 18), (84, 104, 62)), (5, 9), (2, 5),
                   (0, 3), (4, 14), path=True),
    "meadow": Kind(((62, 82, 34), (142, 160, 84)), ((52, 74, 46), (128, 150, 110)), (0, 2), (2, 5),
                   (0, 2), (12, 24)),
    "dry": Kind(((132, 106, 66), (204, 178, 128)), ((104, 96, 66), (176, 164, 122)), (0, 2),
                (3, 7), (1, 4), (6, 18), path=True),
    "creek": Kind(((74, 74, 60), (158, 154, 132)), ((38, 54, 36), (104, 124, 88)), (1, 4), (1, 4),
                  (5, 10), (4, 12), water=True),
    "rocks": Kind(((86, 82, 76), (172, 166, 156)), ((92, 98, 100), (168, 176, 182)), (0, 2),
                  (0, 3), (9, 16), (2, 8)),
    "snow": Kind(((182, 190, 202), (236, 240, 246)), ((84, 94, 98), (186, 194, 200)), (2, 6),
                 (0, 2), (0, 3), (3, 10)),
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A camera's view: pixels, (180, 320, 3), what stands before the animals, and its horizon."""

    scene: Pixels
    front: Image.Image  # RGBA, SIZE
    horizon: int  # row above which nothing stands

    def scale(self, foot: float) -> float:
        """Return the size of what stands at a row, as a share of the full size."""
        return 0.5 + 0.75 * (foot - self.horizon) / (SIZE[1] - self.horizon)


def _far(rng: np.random.Generator, kind: Kind, horizon: int) -> Image.Image:
    """Sky, and what is far away, above the horizon."""
    sky = mix((188, 204, 220), (214, 216, 210), rng.random())
    image = Image.new("RGB", SIZE, sky)
    band = tinted(fractal(rng, SIZE, 6, 0.85, stretch=0.5), *kind.far)
    top = horizon * rng.uniform(-0.3, 0.6)
    rows = np.arange(SIZE[1])[:, None] + 7 * fractal(rng, SIZE, 5, 0.7)
    mask = np.clip((rows - top) / 4 + 0.5, 0, 1) * 255
    image.paste(band, mask=Image.fromarray(mask.astype(np.uint8)))
    return image


def _ground(rng: np.random.Generator, kind: Kind, image: Image.Image, horizon: int) -> None:
    dark, light = (tone(one, rng.uniform(0.85, 1.15)) for one in kind.ground)
    noise = fractal(rng, SIZE, 5, 0.72, stretch=1.0)
    soil = tinted(0.75 * noise, dark, light)
    rows = np.arange(SIZE[1])[:, None] + 2.5 * fractal(rng, SIZE, 4, 0.6)
    mask = np.clip((rows - horizon) / 3 + 0.5, 0, 1) * 255
    image.paste(soil, mask=Image.fromarray(mask.astype(np.uint8)))


def _strip(rng: np.random.Generator, horizon: int) -> Points:
    """A path or creek from the horizon to the lower edge, in pixels of the image."""
    rows = np.linspace(horizon + 2, SIZE[1] + 5, 12)
    share = (rows - rows[0]) / (rows[-1] - rows[0])
    start, end, bend = rng.uniform(0.25, 0.75), rng.uniform(0.1, 0.9), rng.normal(0, 0.1)
    middle = SIZE[0] * (start + (end - start) * share + bend * np.sin(3.1 * share))
    half = (3 + 30 * share**1.4) * rng.uniform(0.7, 1.4)
    left = np.stack([middle - half, rows], axis=1)
    return np.concatenate([left, np.stack([middle + half, rows], axis=1)[::-1]])


class _Layer:
    """A transparent sheet FINE times as large as the image."""

    def __init__(self) -> None:
        self.image = Image.new("RGBA", (SIZE[0] * FINE, SIZE[1] * FINE), (0, 0, 0, 0))
        self.draw = ImageDraw.Draw(self.image)

    def fill(self, points: Points, colour: Colour) -> None:
        fill(self.draw, points * FINE, colour)

    def small(self) -> Image.Image:
        return self.image.resize(SIZE, Image.Resampling.BOX)


def _tree(rng: np.random.Generator, layer: _Layer, foot: float, scale: float, x: float) -> None:
    bark = mix((62, 50, 40), (128, 118, 104), rng.random())
    lean, wide = rng.normal(0, 8), scale * rng.uniform(7, 15)
    line = refine(np.array([[x, foot], [x + 0.4 * lean, foot - 70 * scale], [x + lean, -20]]))
    layer.fill(limb(line, np.linspace(1.25 * wide, 0.8 * wide, len(line))), bark)
    shade = line + np.array([0.28 * wide, 0])
    layer.fill(limb(shade, np.linspace(0.5 * wide, 0.3 * wide, len(line))), tone(bark, 0.72))


def _bush(rng: np.random.Generator, layer: _Layer, foot: float, scale: float, x: float) -> None:
    green = mix((44, 64, 30), (128, 128, 72), rng.random())
    for _ in range(14):
        radius = scale * rng.uniform(6, 13)
        at = np.array(
            [x + scale * rng.normal(0, 14), foot - radius - scale * abs(rng.normal(0, 9))]
        )
        waves = np.stack([rng.normal(0, 0.12, 4), rng.uniform(0, 6, 4)], axis=1)
        layer.fill(blob(radius, 1.1, 0, waves) + at, tone(green, rng.uniform(0.65, 1.25)))


def _stone(rng: np.random.Generator, layer: _Layer, foot: float, scale: float, x: float) -> None:
    grey = mix((104, 100, 94), (158, 154, 146), rng.random())
    wide, high = scale * rng.uniform(8, 26), scale * rng.uniform(5, 13)
    corners = [(-1, 0), (-0.8, 0.7), (-0.1, 1), (0.6, 0.8), (1, 0.1), (0.5, -0.15)]
    jitter = rng.normal(0, 0.08, (6, 2))
    outline = (np.array(corners) + jitter) * [wide, -high] + [x, foot]
    layer.fill(smooth(outline, 4), tone(grey, 0.62))
    layer.fill(smooth(outline * 1.0 - [0.12 * wide, 0.22 * high], 4), grey)


def _standing(rng: np.random.Generator, kind: Kind, horizon: int) -> Image.Image:
    """Trees, bushes and stones behind the animals, the far ones first."""
    things = [
        (draw, float(rng.uniform(horizon + 1, horizon + 42)), float(rng.uniform(0, SIZE[0])))
        for draw, (low, high) in ((_tree, kind.trees), (_bush, kind.bushes), (_stone, kind.stones))
        for _ in range(int(rng.integers(low, high + 1)))
    ]
    layer = _Layer()
    for draw, foot, x in sorted(things, key=lambda one: one[1]):
        draw(rng, layer, foot, 0.55 + 0.9 * (foot - horizon) / (SIZE[1] - horizon), x)
    return layer.small()


def _front(rng: np.random.Generator, kind: Kind) -> Image.Image:
    """Blades of grass between camera and animals."""
    dark, light = kind.ground
    colours = (tone(light, 0.7), mix(light, (90, 110, 50), 0.5), tone(dark, 1.2))
    image = blades(rng, SIZE, int(rng.integers(*kind.grass)), colours, rng.uniform(0.12, 0.24))
    return image.resize(SIZE, Image.Resampling.BOX)


@lru_cache(maxsize=32)
def place(seed: int, number: int, kind_name: str) -> Place:
    """Return the view of a camera; the same for the same seed and number."""
    rng = np.random.default_rng([seed, 4, number])
    kind = KINDS[kind_name]
    horizon = int(rng.integers(42, 74))
    image = _far(rng, kind, horizon)
    _ground(rng, kind, image, horizon)
    layer = _Layer()
    if kind.path:
        layer.fill(_strip(rng, horizon), tone(kind.ground[1], rng.uniform(0.85, 1.1)))
    if kind.water:
        layer.fill(_strip(rng, horizon), mix((70, 96, 108), (120, 140, 138), rng.random()))
    image = Image.alpha_composite(image.convert("RGBA"), layer.small())
    image = Image.alpha_composite(image, _standing(rng, kind, horizon)).convert("RGB")
    texture = 1 + 0.06 * fractal(rng, SIZE, 30, 0.8)[..., None]
    return Place(np.asarray(image, dtype=float) * texture, _front(rng, kind), horizon)
