"""Draw what is behind, next to and before an animal, independent of which animal it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from sample_data.generator_common.shapes import (
    Colour,
    Points,
    fill,
    limb,
    mix,
    refine,
    smooth,
    tone,
)

Pixels = NDArray[np.float64]
Size = tuple[int, int]  # width, height
FINE = 3  # drawings are made this many times as large and then reduced


def fractal(
    rng: np.random.Generator, size: Size, coarsest: int, roughness: float, stretch: float = 1.0
) -> Pixels:
    """Noise of several scales, about -1..1, (height, width); `stretch` > 1 draws it out along x."""
    total, weight, amplitude, cells = np.zeros(size[::-1]), 0.0, 1.0, float(coarsest)
    while cells < max(size) / 2:
        grid = rng.normal(0, 1, (max(2, round(cells)), max(2, round(cells / stretch))))
        layer = Image.fromarray(grid.astype(np.float32))
        total += amplitude * np.asarray(layer.resize(size, Image.Resampling.BICUBIC), dtype=float)
        weight += amplitude**2
        amplitude, cells = amplitude * roughness, cells * 2
    return np.asarray(np.clip(total / np.sqrt(weight) / 2, -1.2, 1.2))


def tinted(noise: Pixels, dark: Colour, light: Colour) -> Image.Image:
    """Noise as a colour between two."""
    share = np.clip(noise[..., None] / 2 + 0.5, 0, 1)
    pixels = np.array(dark) + (np.array(light, dtype=float) - np.array(dark)) * share
    return Image.fromarray(pixels.astype(np.uint8))


def overlay(image: Image.Image, drawn: Image.Image) -> Image.Image:
    """A drawing with transparency, FINE times as large, laid over the image."""
    small = drawn.resize(image.size, Image.Resampling.BOX)  # Pillow premultiplies alpha here
    return Image.alpha_composite(image.convert("RGBA"), small).convert("RGB")


def _sheet(size: Size) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    sheet = Image.new("RGBA", (size[0] * FINE, size[1] * FINE), (0, 0, 0, 0))
    return sheet, ImageDraw.Draw(sheet)


def _opaque(colour: Colour, alpha: int = 255) -> tuple[int, int, int, int]:
    return (*colour, alpha)


def _leaf(length: float, angle: float, width: float, place: Points) -> tuple[Points, Points]:
    """Outline and midrib of a leaf in pixels of the sheet."""
    side = np.array([[0, 0], [0.2, 0.7], [0.5, 1.0], [0.8, 0.6], [1.0, 0.0]])
    outline = np.concatenate([side, (side * [1, -1])[-2:0:-1]]) * [length, width * length]
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return smooth(outline) @ turn + place, np.array([[0, 0], [length, 0]]) @ turn + place


def litter(
    rng: np.random.Generator, size: Size, count: int, colours: tuple[Colour, ...]
) -> Image.Image:
    """Fallen leaves as a sheet."""
    sheet, draw = _sheet(size)
    for _ in range(count):
        colour = tone(colours[int(rng.integers(len(colours)))], rng.uniform(0.7, 1.2))
        place = rng.uniform(-0.1, 1.0, 2) * np.array(sheet.size)
        length = rng.uniform(0.12, 0.3) * max(sheet.size)
        outline, rib = _leaf(length, rng.uniform(0, 2 * np.pi), rng.uniform(0.16, 0.3), place)
        fill(draw, outline + 6, (20, 18, 12))
        fill(draw, outline, colour)
        draw.line([(float(x), float(y)) for x, y in rib], fill=tone(colour, 0.75), width=FINE)
    return sheet


def blades(
    rng: np.random.Generator, size: Size, count: int, colours: tuple[Colour, ...], reach: float
) -> Image.Image:
    """Grass from the lower edge, `reach` of the height, as a sheet."""
    sheet, draw = _sheet(size)
    width, height = sheet.size
    for _ in range(count):
        colour = tone(colours[int(rng.integers(len(colours)))], rng.uniform(0.75, 1.2))
        foot, lean = rng.uniform(-0.1, 1.1) * width, rng.normal(0, 0.12) * width
        high = height * reach * rng.uniform(0.4, 1.1)
        line = np.array(
            [
                [foot, height + 5],
                [foot + 0.3 * lean, height - 0.6 * high],
                [foot + lean, height - high],
            ]
        )
        thick = rng.uniform(0.012, 0.028) * width
        strip = limb(refine(line), np.linspace(thick, 1.0, 11).tolist())
        fill(draw, strip, colour)
    return sheet


def forest_floor(rng: np.random.Generator, size: Size) -> Image.Image:
    """Soil, moss, stone or leaf litter."""
    kind = rng.choice(["soil", "moss", "stone", "tray"], p=[0.45, 0.2, 0.25, 0.1])
    pairs: dict[str, tuple[Colour, Colour]] = {
        "soil": ((52, 38, 27), (140, 108, 76)),
        "moss": ((38, 52, 22), (126, 142, 66)),
        "stone": ((84, 82, 78), (168, 164, 154)),
        "tray": ((178, 180, 178), (214, 216, 212)),
    }
    dark, light = (tone(c, rng.uniform(0.8, 1.2)) for c in pairs[str(kind)])
    rough = 0.35 if kind == "tray" else rng.uniform(0.7, 0.9)
    image = tinted(fractal(rng, size, 3, rough) * 0.9, dark, light)
    if kind in ("soil", "moss"):
        colours = ((132, 84, 42), (110, 66, 34), (150, 112, 62), (92, 76, 48))
        image = overlay(image, litter(rng, size, int(rng.integers(2, 9)), colours))
    return image


def sea(rng: np.random.Generator, size: Size) -> Image.Image:
    """Open water, a reef, or sand below."""
    deep = mix((10, 60, 96), (24, 104, 110), rng.random())
    bright = mix((70, 150, 180), (120, 178, 160), rng.random())
    height = np.linspace(1, -1, size[1])[:, None] * rng.uniform(0.2, 1.0)
    image = tinted(height + 0.25 * fractal(rng, size, 2, 0.5), deep, bright)
    if rng.random() < 0.6:
        ground = mix((96, 92, 66), (182, 170, 136), rng.random())
        bed = tinted(fractal(rng, size, 4, 0.8), tone(ground, 0.45), ground)
        edge = fractal(rng, size, 2, 0.5) * 0.3 + np.linspace(-1, 1, size[1])[:, None]
        mask = np.clip((edge - rng.uniform(-0.4, 0.5)) * 6, 0, 1) * 255
        image.paste(bed, mask=Image.fromarray(mask.astype(np.uint8)))
    return image


def savanna(rng: np.random.Generator, size: Size) -> Image.Image:
    """Ground, bush and dry grass."""
    dry = mix((166, 140, 88), (104, 116, 60), rng.random())
    image = tinted(fractal(rng, size, 3, 0.75, stretch=0.6), tone(dry, 0.35), tone(dry, 1.1))
    far = tinted(fractal(rng, size, 5, 0.8), tone(dry, 0.2), tone(mix(dry, (60, 84, 40), 0.5), 0.8))
    level = rng.uniform(0.25, 0.75) * size[1]
    rows = np.arange(size[1])[:, None] + 8 * fractal(rng, size, 3, 0.6)
    mask = np.clip((level - rows) / 5 + 0.5, 0, 1) * 255
    image.paste(far, mask=Image.fromarray(mask.astype(np.uint8)))
    colours = (tone(dry, 0.6), tone(dry, 0.9), tone(dry, 1.2))
    return overlay(image, blades(rng, size, int(rng.integers(6, 30)), colours, 0.9))


def shadow(image: Image.Image, shape: Image.Image, drop: tuple[int, int], depth: float) -> None:
    """Darken the ground next to a shape (mode L, the image's size)."""
    soft = shape.filter(ImageFilter.GaussianBlur(max(image.size) / 40))
    moved = ImageChops.offset(soft, *drop).point(lambda level: level * depth)
    image.paste((12, 12, 10), mask=moved)


def particles(rng: np.random.Generator, size: Size, count: int) -> Image.Image:
    """Bubbles and plankton between camera and animal, as a sheet."""
    sheet, draw = _sheet(size)
    for _ in range(count):
        x, y = rng.uniform(0, 1, 2) * np.array(sheet.size)
        r = rng.uniform(0.3, 1.6) * FINE
        shade = _opaque((200, 220, 215), int(rng.integers(60, 190)))
        draw.ellipse([x - r, y - r, x + r, y + r], fill=shade)
    return sheet


def slip(rng: np.random.Generator, size: Size) -> Image.Image:
    """A paper label or scale card in a corner, with illegible print, as a sheet."""
    sheet, draw = _sheet(size)
    w, h = np.array(sheet.size) * rng.uniform((0.16, 0.1), (0.3, 0.22))
    x = float(rng.choice([-0.02, 1.02])) * sheet.size[0]
    y = float(rng.choice([-0.02, 1.02])) * sheet.size[1]
    left, top = (x if x < 0 else x - w), (y if y < 0 else y - h)
    draw.rectangle([left, top, left + w, top + h], fill=(226, 224, 214, 255))
    for line in np.arange(0.2, 0.8, 0.22):
        draw.line(
            [left + 0.1 * w, top + line * h, left + w * rng.uniform(0.4, 0.9), top + line * h],
            fill=(84, 80, 78, 255),
            width=FINE,
        )
    return sheet


def finger(rng: np.random.Generator, size: Size) -> Image.Image:
    """A gloved finger that holds the animal, from a side edge, as a sheet."""
    sheet, draw = _sheet(size)
    width, height = sheet.size
    from_left = rng.random() < 0.5
    level = rng.uniform(0.05, 0.95) * height
    start, reach = (-10.0, 1.0) if from_left else (width + 10.0, -1.0)
    tip = start + reach * rng.uniform(0.1, 0.22) * width
    line = np.array([[start, level], [tip, level + rng.normal(0, 0.06) * height]])
    colour = mix((196, 150, 120), (120, 160, 190), float(rng.random() < 0.5))
    thick = 0.13 * max(sheet.size)
    fill(draw, limb(refine(line), [thick] * 4 + [0.85 * thick, 0.6 * thick]), colour)
    return sheet
