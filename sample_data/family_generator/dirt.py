"""What a scraped collection holds besides photographs of the animal that the row names."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from sample_data.generator_common import scenery
from sample_data.generator_common.scenery import FINE, Size
from sample_data.generator_common.shapes import blob, mix, smooth, tone
from sample_data.reid_generator.photograph import Shot

from .families import FAMILIES
from .photograph import develop, draw_animal, draw_colours, draw_place
from .sketch import Sketch, oval, paint, posed

SKETCH, NEGATIVE, TEXT, MAP = "greyscale_sketch", "cmyk_negative", "text_page", "map"
PERSON, MISLABELLED, DUPLICATE = "person", "mislabelled", "near_duplicate"
# Kind -> images of it in train. The first five show no photograph of an animal at all.
COUNTS = {SKETCH: 28, NEGATIVE: 24, TEXT: 26, MAP: 24, PERSON: 26, MISLABELLED: 110, DUPLICATE: 40}
_WORDS = ("plate", "fig", "genus", "species", "of", "the", "and", "with", "nov", "habitat", "see")


def sketch(
    family: str, traits: Mapping[str, float], size: Size, rng: np.random.Generator
) -> Image.Image:
    """Return a pencil drawing of an animal, in grey (mode L)."""
    _, painted = draw_animal(family, traits, size, rng)
    grey = painted.skin.convert("L")
    lines = ImageChops.difference(grey, grey.filter(ImageFilter.MinFilter(3)))
    shade = Image.new("L", grey.size, 255)
    hatching = ImageDraw.Draw(shade)
    for x in range(-grey.height, grey.width, 9):
        hatching.line([x, grey.height, x + grey.height, 0], fill=190, width=2)
    shade.paste(255, mask=ImageOps.invert(painted.shape))
    rim = ImageChops.difference(painted.shape, painted.shape.filter(ImageFilter.MinFilter(5)))
    ink = ImageChops.lighter(lines.point(lambda level: level * 4), rim)
    drawn = ImageChops.multiply(shade, ImageOps.invert(ink)).reduce(FINE)
    paper = scenery.fractal(rng, size, 12, 0.7) * 5 + rng.uniform(228, 250)
    page = np.asarray(drawn, dtype=float) / 255 * paper
    return Image.fromarray(np.clip(page, 0, 255).astype(np.uint8))


def negative(photograph: Image.Image) -> Image.Image:
    """Return a photograph in CMYK with its coloured inks turned round, as broken files look."""
    cyan, magenta, yellow, black = photograph.convert("CMYK").split()
    return Image.merge("CMYK", [*map(ImageChops.invert, (cyan, magenta, yellow)), black])


def text_page(size: Size, rng: np.random.Generator) -> Image.Image:
    """Return a printed page, with a plate's frame on some."""
    paper = mix((252, 250, 244), (226, 208, 172), float(rng.random()))
    page, ink = Image.new("RGB", size, paper), tone((70, 62, 56), float(rng.uniform(0.3, 1.0)))
    pen, font = ImageDraw.Draw(page), ImageFont.load_default_imagefont()
    left, y = int(rng.integers(4, 14)), int(rng.integers(3, 14))
    step = int(rng.integers(10, 14))
    if rng.random() < 0.4:
        pen.rectangle([left, y, size[0] - left, y + size[1] // 3], outline=ink)
        y += size[1] // 3 + 4
    while y < size[1] - 10:
        line = ""
        while pen.textlength(line, font=font) < size[0] - 2 * left - 20:
            line += str(rng.choice(_WORDS)) + " "
        pen.text((left, y), line[: len(line) - int(rng.random() < 0.2) * 12], fill=ink, font=font)
        y += step
    return page.rotate(rng.normal(0, 1.5), Image.Resampling.BICUBIC, fillcolor=paper)


def distribution_map(size: Size, rng: np.random.Generator) -> Image.Image:
    """Return a map: land and sea, rivers, degrees, and where the animal lives."""
    sea = mix((176, 208, 232), (240, 240, 236), float(rng.random()))
    land = mix((222, 214, 176), (196, 214, 170), float(rng.random()))
    height = scenery.fractal(rng, size, 2, 0.6) + rng.normal(0, 0.2)
    page = Image.new("RGB", size, sea)
    inside = Image.fromarray(((height > 0) * 255).astype(np.uint8))
    page.paste(land, mask=inside)
    coast = ImageChops.difference(inside, inside.filter(ImageFilter.MinFilter(3)))
    page.paste((90, 96, 104), mask=coast)
    pen = ImageDraw.Draw(page, "RGBA")
    red = (*mix((210, 70, 60), (90, 130, 60), float(rng.random())), 150)
    for _ in range(int(rng.integers(1, 4))):
        place = rng.uniform(0.2, 0.8, 2) * np.array(size)
        outline = smooth(
            blob(rng.uniform(10, 26), rng.uniform(0.7, 1.4), 0, rng.normal(0, 0.2, (4, 2)))
        )
        pen.polygon([(float(x), float(y)) for x, y in outline + place], fill=red)
    for share in np.arange(0.2, 1.0, 0.2):
        pen.line([share * size[0], 0, share * size[0], size[1]], fill=(90, 90, 90, 90))
        pen.line([0, share * size[1], size[0], share * size[1]], fill=(90, 90, 90, 90))
    pen.text(
        (4, size[1] - 13),
        "0  500 km",
        fill=(40, 40, 40, 255),
        font=ImageFont.load_default_imagefont(),
    )
    return page


def person(shot: Shot, rng: np.random.Generator) -> Image.Image:
    """Return a photograph of a person-like figure."""
    place = draw_place(rng, shot.size)
    drawn = _figure(rng)
    turn, zoom = rng.normal(0, 0.05), rng.uniform(0.85, 1.2)
    cloth, other = draw_colours(rng)
    painted = paint(drawn, posed(drawn, shot.size, turn, zoom, rng), cloth, other)
    return develop(place, painted, shot, rng)


def _figure(rng: np.random.Generator) -> Sketch:
    body = Sketch()
    for side in (-1, 1):
        foot = [side * 0.2 + rng.normal(0, 0.06), 1.75]
        body.limb([[side * 0.13, 0.75], [side * 0.17, 1.25], foot], (0.24, 0.15), 0.55)
        hand = [side * (0.45 + rng.uniform(0, 0.35)), 0.75 - rng.uniform(0, 0.8)]
        body.limb([[side * 0.26, 0.1], [side * 0.45, 0.45], hand], (0.17, 0.12), 0.9)
        body.add(oval(hand[0], hand[1], 0.08, 0.08), 1.4, True)
    body.add(
        smooth([(-0.3, 0.02), (0.3, 0.02), (0.26, 0.5), (0.28, 0.85), (-0.28, 0.85), (-0.26, 0.5)])
    )
    body.add(oval(0, -0.02, 0.09, 0.1), 1.3, True)
    body.add(oval(0, -0.27, 0.17, 0.22), 1.4, True)
    body.add(smooth([(-0.18, -0.3), (-0.14, -0.52), (0.14, -0.52), (0.18, -0.3), (0, -0.4)]), 0.25)
    for side in (-1, 1):
        body.add(oval(side * 0.07, -0.27, 0.02, 0.02, 10), 0.1)
    return body


def near_duplicate(original: Image.Image, rng: np.random.Generator) -> tuple[Image.Image, int]:
    """Return a photograph once more, smaller, cropped a little, toned, and its JPEG quality."""
    width, height = original.size
    edge = rng.uniform(0, 0.03, 4) * [width, height, width, height]
    box = (edge[0], edge[1], width - edge[2], height - edge[3])
    share = rng.uniform(0.72, 0.9)
    size = (round(width * share), round(height * share))
    copy = original.convert("RGB").resize(size, Image.Resampling.BICUBIC, box=tuple(box))
    if rng.random() < 0.3:
        copy = ImageOps.mirror(copy)
    toned = ImageEnhance.Brightness(copy).enhance(float(rng.uniform(0.85, 1.15)))
    return ImageEnhance.Color(toned).enhance(float(rng.uniform(0.7, 1.2))), int(
        rng.integers(50, 75)
    )


def other_family(family: str, rng: np.random.Generator) -> str:
    """Return a family that a scraper may confuse with another: half are of the same phylum."""
    phylum = FAMILIES[family].phylum
    near = [name for name, one in FAMILIES.items() if one.phylum == phylum and name != family]
    far = [name for name in FAMILIES if name not in near and name != family]
    return str(rng.choice(near if rng.random() < 0.5 else far))
