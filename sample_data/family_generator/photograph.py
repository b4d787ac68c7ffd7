"""A photograph of one animal: colours, pose, place, light and camera, which know no family."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageFilter, ImageStat

from sample_data.generator_common import scenery
from sample_data.generator_common.scenery import FINE, Size
from sample_data.generator_common.shapes import Colour, tone
from sample_data.reid_generator.photograph import Shot, dapple, expose, roundness

from .families import FAMILIES
from .plans import DRAW
from .sketch import Painted, Sketch, paint, posed

_SCENES = (scenery.forest_floor, scenery.sea, scenery.savanna)
_CONTRAST = 45  # grey levels between animal and place, at least
_TURN = 0.5  # radians, std


def draw_shot(rng: np.random.Generator) -> Shot:
    """Return a camera's settings, from one distribution for all families."""
    longer = int(rng.integers(124, 145))
    shorter = round(longer * rng.uniform(0.75, 1.0))
    exposure, warmth, tint = rng.normal(1, 0.1), rng.normal(0, 0.07), rng.normal(0, 0.03)
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.6)
    return Shot(
        size=(longer, shorter) if rng.random() < 0.75 else (shorter, longer),
        spread=1.0,
        gains=(exposure * (1 + warmth), exposure * (1 + tint), exposure * (1 - warmth)),
        light=(strength * np.cos(angle), strength * np.sin(angle)),
        falloff=(rng.normal(0, 0.15), rng.normal(0, 0.15)),
        infrared=False,
        blur=float(rng.uniform(0.2, 1.0)),
        grain=float(rng.uniform(1.0, 4.0)),
        quality=int(rng.integers(66, 84)),
    )


def draw_colours(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Return an animal's two colours, from one distribution for all families."""
    hue, light = rng.random(), rng.uniform(0.25, 0.85)
    first = _colour(hue, rng.uniform(0.1, 0.7), light)
    other = light + rng.choice([-1, 1]) * rng.uniform(0.3, 0.45)
    other = other if 0.12 < other < 1 else 2 * light - other
    return first, _colour(hue + rng.normal(0, 0.15), rng.uniform(0.1, 0.6), float(other))


def _colour(hue: float, saturation: float, value: float) -> Colour:
    r, g, b = colorsys.hsv_to_rgb(hue % 1, saturation, float(np.clip(value, 0.12, 0.95)))
    return round(255 * r), round(255 * g), round(255 * b)


def draw_place(rng: np.random.Generator, size: Size) -> Image.Image:
    """Return what is behind an animal; any family may stand before any place."""
    return _SCENES[int(rng.integers(len(_SCENES)))](rng, size)


def draw_animal(
    family: str, traits: Mapping[str, float], size: Size, rng: np.random.Generator
) -> tuple[Sketch, Painted]:
    """Return an animal in a pose."""
    sketch = DRAW[FAMILIES[family].plan](traits, rng)
    view = posed(sketch, size, rng.normal(0, _TURN), rng.uniform(0.5, 0.95), rng)
    return sketch, paint(sketch, view, *draw_colours(rng))


def take(
    family: str, traits: Mapping[str, float], shot: Shot, rng: np.random.Generator
) -> Image.Image:
    """Return the photograph, shot.size."""
    place = draw_place(rng, shot.size)
    _, painted = draw_animal(family, traits, shot.size, rng)
    return develop(place, painted, shot, rng)


def develop(
    place: Image.Image, painted: Painted, shot: Shot, rng: np.random.Generator
) -> Image.Image:
    """Return what a camera makes of something painted before a place."""
    skin, shape = painted.skin.reduce(FINE), painted.shape.reduce(FINE)
    place = _apart(place, skin, shape)
    drop = [round(one * 10) for one in shot.light]
    scenery.shadow(place, shape, (drop[0], drop[1]), float(rng.uniform(0.2, 0.6)))
    texture = 1 + 0.06 * scenery.fractal(rng, shot.size, 20, 0.8)[..., None]
    lit = np.asarray(skin, dtype=float) * roundness(shape, shot) * texture
    lit *= dapple(shot.size, rng)
    place.paste(Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8)), mask=shape)
    image = _before(place, rng).filter(ImageFilter.GaussianBlur(shot.blur))
    return expose(np.asarray(image, dtype=float), shot, rng)


def _apart(place: Image.Image, skin: Image.Image, shape: Image.Image) -> Image.Image:
    """Make a place lighter or darker where an animal could not be seen before it."""
    animal = ImageStat.Stat(skin.convert("L"), mask=shape).mean[0]
    behind = ImageStat.Stat(place.convert("L")).mean[0]
    if abs(animal - behind) >= _CONTRAST:
        return place
    wanted = animal + (_CONTRAST if animal < 110 else -_CONTRAST)
    return place.point(lambda level: level * wanted / max(behind, 1.0))


def _before(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Put something between camera and animal in a third of the images."""
    chance, size = rng.random(), image.size
    greens: tuple[Colour, ...] = ((112, 116, 64), (84, 104, 58), (150, 132, 84))
    if chance < 0.18:
        blades = scenery.blades(rng, size, int(rng.integers(2, 8)), greens, rng.uniform(0.3, 0.7))
        return scenery.overlay(image, blades)
    if chance < 0.26:
        return scenery.overlay(
            image, scenery.litter(rng, size, 1, tuple(tone(c, 0.8) for c in greens))
        )
    if chance < 0.33:
        return scenery.overlay(image, scenery.slip(rng, size))
    return image
