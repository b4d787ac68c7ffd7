"""A photograph of one animal: pose, place, light and camera, which know nothing of its identity."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from sample_data.generator_common import scenery
from sample_data.generator_common.scenery import Pixels, Size
from sample_data.generator_common.shapes import Points

from . import cat, salamander, turtle
from .landmarks import Drawing, in_image

Pattern = salamander.Blotches | turtle.Scutes | cat.Rosettes


@dataclass(frozen=True)
class Shot:
    """One camera setting. Sizes in pixels."""

    size: Size
    spread: float  # of the pose: 1 is the full variation
    gains: tuple[float, float, float]  # exposure and white balance
    light: tuple[float, float]  # direction and strength on the animal
    falloff: tuple[float, float]  # change of brightness from edge to edge
    infrared: bool
    blur: float
    grain: float
    quality: int


@dataclass(frozen=True)
class Photograph:
    """An image's file, and where the animal's landmarks are on it."""

    jpeg: bytes
    landmarks: Points  # (10, 2), in pixels from the centre of the top left one


def draw_shot(dataset: str, rng: np.random.Generator) -> Shot:
    """Settings at random, from one distribution for all animals of a dataset."""
    longer = int(rng.integers(128, 149))
    shorter = round(longer * rng.uniform(0.66, 0.8))
    upright = dataset == "salamander" and rng.random() < 0.3
    exposure, warmth, tint = rng.normal(1, 0.12), rng.normal(0, 0.06), rng.normal(0, 0.03)
    gains = (exposure * (1 + warmth), exposure * (1 + tint), exposure * (1 - warmth))
    if dataset == "turtle":  # water takes the red away
        murk = rng.uniform(0, 0.4)
        gains = (gains[0] * (1 - murk), gains[1], gains[2] * (1 + 0.1 * murk))
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.7)
    return Shot(
        size=(shorter, longer) if upright else (longer, shorter),
        spread=float(rng.choice([0.5, 1.0], p=[0.45, 0.55])),
        gains=gains,
        light=(strength * np.cos(angle), strength * np.sin(angle)),
        falloff=(rng.normal(0, 0.18), rng.normal(0, 0.18)),
        infrared=dataset == "cat" and rng.random() < 0.2,
        blur=float(rng.uniform(0.2, 1.9 if dataset == "cat" else 1.5)),
        grain=float(rng.uniform(1.5, 5.0)),
        quality=int(rng.integers(62, 84)),
    )


def _animal(pattern: Pattern, side: str, shot: Shot, rng: np.random.Generator) -> Drawing:
    if isinstance(pattern, salamander.Blotches):
        return salamander.paint(pattern, shot.size, rng, shot.spread)
    if isinstance(pattern, turtle.Scutes):
        return turtle.paint(pattern, side, shot.size, rng, shot.spread)
    return cat.paint(pattern, side, shot.size, rng, shot.spread)


def _place(pattern: Pattern, size: Size, rng: np.random.Generator) -> Image.Image:
    if isinstance(pattern, salamander.Blotches):
        return scenery.forest_floor(rng, size)
    return (scenery.sea if isinstance(pattern, turtle.Scutes) else scenery.savanna)(rng, size)


def _before(image: Image.Image, pattern: Pattern, rng: np.random.Generator) -> Image.Image:
    """Things between camera and animal, in about half of the images."""
    size, chance = image.size, rng.random()
    if isinstance(pattern, turtle.Scutes):
        return scenery.overlay(image, scenery.particles(rng, size, int(rng.integers(0, 30))))
    if isinstance(pattern, cat.Rosettes):
        colours = ((150, 132, 84), (112, 116, 64), (176, 156, 104))
        reach, count = rng.uniform(0.3, 0.8), int(rng.integers(2, 14))
        grass = scenery.blades(rng, size, count, colours, reach)
        return scenery.overlay(image, grass) if chance < 0.85 else image
    if chance < 0.25:
        browns = ((120, 78, 40), (140, 100, 58))
        return scenery.overlay(image, scenery.litter(rng, size, 1, browns))
    if chance < 0.4:
        return scenery.overlay(image, scenery.finger(rng, size))
    return scenery.overlay(image, scenery.slip(rng, size)) if chance < 0.6 else image


def roundness(shape: Image.Image, shot: Shot) -> Pixels:
    """Brightness of the surface, (height, width, 1): lit from a side, darker at the edge."""
    height = np.zeros(shape.size[::-1])
    for share in (0.015, 0.04, 0.09):
        soft = shape.filter(ImageFilter.GaussianBlur(share * max(shape.size)))
        height += np.asarray(soft, dtype=float) / 255 * share
    down, right = np.gradient(height / 0.02)
    lit = 1 + shot.light[0] * right * 6 + shot.light[1] * down * 6
    edge = np.asarray(shape.filter(ImageFilter.GaussianBlur(4)), dtype=float) / 255
    return np.clip(lit * (0.72 + 0.28 * edge), 0.35, 1.7)[..., None]


def dapple(size: Size, rng: np.random.Generator) -> Pixels:
    """Light that falls through leaves or waves, (height, width, 1); nothing in half of all."""
    if rng.random() < 0.5:
        return np.ones((*size[::-1], 1))
    spots = scenery.fractal(rng, size, int(rng.integers(3, 8)), 0.5)
    return (1 + rng.uniform(0.2, 0.45) * np.tanh(3 * spots))[..., None]


def expose(pixels: Pixels, shot: Shot, rng: np.random.Generator) -> Image.Image:
    height, width, _ = pixels.shape
    x = (np.arange(width) / width - 0.5)[None, :, None]
    y = (np.arange(height) / height - 0.5)[:, None, None]
    if shot.infrared:
        pixels = np.repeat(pixels @ np.array([[0.5], [0.35], [0.15]]), 3, axis=2) * 1.15
    gains = np.array([1.0, 1.0, 1.0] if shot.infrared else shot.gains)
    exposed = pixels * (1 + shot.falloff[0] * x + shot.falloff[1] * y) * gains
    exposed += rng.normal(0, shot.grain, (height, width, 1))
    return Image.fromarray(np.clip(np.rint(exposed), 0, 255).astype(np.uint8))


def develop(
    pattern: Pattern, side: str, shot: Shot, rng: np.random.Generator
) -> tuple[Image.Image, Points]:
    """The image, shot.size, and the landmarks on it."""
    scene = _place(pattern, shot.size, rng)
    drawing = _animal(pattern, side, shot, rng)
    skin, shape = (one.reduce(scenery.FINE) for one in (drawing.skin, drawing.shape))
    if not isinstance(pattern, turtle.Scutes):  # a turtle swims, and throws no shadow
        drop = [round(one * 14) for one in shot.light]
        scenery.shadow(scene, shape, (drop[0], drop[1]), float(rng.uniform(0.3, 0.7)))
    texture = 1 + 0.05 * scenery.fractal(rng, shot.size, 24, 0.8)[..., None]
    lit = np.asarray(skin, dtype=float) * roundness(shape, shot) * texture
    lit *= dapple(shot.size, rng)
    lit_skin = Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8))
    scene.paste(lit_skin, mask=shape)
    image = _before(scene, pattern, rng)
    if shot.blur:
        image = image.filter(ImageFilter.GaussianBlur(shot.blur))
    exposed = expose(np.asarray(image, dtype=float), shot, rng)
    return exposed, in_image(drawing.landmarks)


def take(dataset: str, pattern: Pattern, side: str, rng: np.random.Generator) -> Photograph:
    """The file has no metadata but what JPEG itself needs."""
    shot = draw_shot(dataset, rng)
    buffer = io.BytesIO()
    image, landmarks = develop(pattern, side, shot, rng)
    image.save(buffer, "JPEG", quality=shot.quality, optimize=True, subsampling="4:2:0")
    return Photograph(buffer.getvalue(), landmarks)
