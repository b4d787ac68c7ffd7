"""A museum photograph of one specimen: nuisance that knows nothing of its class."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .phenotype import Phenotype
from .wings import Pose, Specimen, Wear

SUPERSAMPLE = 3
BACKGROUNDS = ((222, 223, 222), (206, 210, 213), (228, 225, 217), (212, 217, 224))


@dataclass(frozen=True)
class Shot:
    """One camera setting. Sizes in pixels of the final image, angles in radians."""

    width: int
    height: int
    pose: Pose  # in supersampled pixels
    wear: Wear
    background: tuple[int, int, int]
    label: bool
    ruler: str  # "", "top", "bottom", "left" or "right"
    gains: tuple[float, float, float]  # exposure and white balance
    light: tuple[float, float]  # change of brightness from edge to edge, along x and y
    blur: float
    grain: float
    quality: int


def draw_shot(rng: np.random.Generator) -> Shot:
    """Settings at random, the same distribution for every specimen."""
    width = int(rng.integers(180, 289))
    height = round(width * rng.uniform(0.66, 0.78))
    scale = SUPERSAMPLE * width * rng.uniform(0.33, 0.445)
    tilt = rng.normal(0, 0.045, 2)
    fore, hind = rng.normal(0, 0.1), rng.normal(0, 0.08)
    pose = Pose(
        x=SUPERSAMPLE * width * (0.5 + rng.normal(0, 0.012)),
        y=SUPERSAMPLE * height * (0.485 + rng.normal(0, 0.015)),
        scale=scale,
        rotation=float(np.clip(rng.normal(0, 0.11), -0.3, 0.3)),
        forewing_angles=(float(fore + tilt[0]), float(fore - tilt[0])),
        hindwing_angles=(float(hind + tilt[1]), float(hind - tilt[1])),
    )
    old = rng.random() ** 2
    wear = Wear(int(rng.poisson(1 + 5 * old)), int(rng.poisson(2 + 10 * old)), 0.2 * old)
    exposure, warmth, tint = rng.normal(1, 0.055), rng.normal(0, 0.022), rng.normal(0, 0.009)
    return Shot(
        width=width,
        height=height,
        pose=pose,
        wear=wear,
        background=BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))],
        label=bool(rng.random() < 0.6),
        ruler=str(rng.choice(["", "top", "bottom", "left", "right"])),
        gains=(exposure * (1 + warmth), exposure * (1 + tint), exposure * (1 - warmth)),
        light=(float(rng.normal(0, 0.09)), float(rng.normal(0, 0.09))),
        blur=float(rng.uniform(0.0, 0.9)),
        grain=float(rng.uniform(0.5, 2.0)),
        quality=int(rng.integers(66, 84)),
    )


def _draw_label(image: Image.Image, rng: np.random.Generator) -> None:
    """A slip of paper in a lower corner, with lines of illegible print."""
    width, height = image.size
    w, h = width * rng.uniform(0.12, 0.17), height * rng.uniform(0.11, 0.15)
    x = width * 0.015 if rng.random() < 0.5 else width * 0.985 - w
    y = height * 0.98 - h
    draw = ImageDraw.Draw(image)
    draw.rectangle([x + 3, y + 3, x + w + 3, y + h + 3], fill=(150, 148, 144))
    draw.rectangle([x, y, x + w, y + h], fill=(244, 243, 238))
    for line in range(3):
        top = y + h * (0.16 + 0.27 * line)
        at = x + w * 0.08
        while at < x + w * 0.85:
            word = w * rng.uniform(0.04, 0.16)
            draw.rectangle(
                [at, top, min(at + word, x + w * 0.92), top + h * 0.11], fill=(70, 66, 64)
            )
            at += word + w * 0.04


def _draw_ruler(image: Image.Image, edge: str) -> None:
    """A strip with a tick each "millimetre" and a long one each ten."""
    width, height = image.size
    deep, across = 0.035 * width, edge in ("top", "bottom")
    start = {"top": 0.0, "left": 0.0, "bottom": height - deep, "right": width - deep}[edge]
    draw = ImageDraw.Draw(image)
    length = width if across else height
    box = [0, start, width, start + deep] if across else [start, 0, start + deep, height]
    draw.rectangle(box, fill=(238, 236, 226))
    near = start + deep if edge in ("top", "left") else start
    toward = -1 if edge in ("top", "left") else 1
    for tick, at in enumerate(np.arange(4, length, width / 75)):
        far = near + toward * deep * (0.75 if tick % 10 == 0 else 0.35)
        line = [at, near, at, far] if across else [near, at, far, at]
        draw.line([float(value) for value in line], fill=(60, 58, 56), width=3)


def _expose(image: Image.Image, shot: Shot, rng: np.random.Generator) -> Image.Image:
    """Light, white balance and grain."""
    pixels = np.asarray(image, dtype=np.float64)
    height, width, _ = pixels.shape
    x = (np.arange(width) / width - 0.5)[None, :, None]
    y = (np.arange(height) / height - 0.5)[:, None, None]
    light = 1 + shot.light[0] * x + shot.light[1] * y - 0.12 * (x * x + y * y)
    grain = rng.normal(0, shot.grain, (height, width, 1))
    exposed = pixels * light * np.array(shot.gains) + grain
    return Image.fromarray(np.clip(np.rint(exposed), 0, 255).astype(np.uint8))


def _develop(look: Phenotype, shot: Shot, rng: np.random.Generator) -> Image.Image:
    size = (shot.width * SUPERSAMPLE, shot.height * SUPERSAMPLE)
    scene = Image.new("RGB", size, shot.background)
    if shot.ruler:
        _draw_ruler(scene, shot.ruler)
    if shot.label:
        _draw_label(scene, rng)
    Specimen(scene, look, shot.pose, rng).draw(shot.wear)
    image = scene.reduce(SUPERSAMPLE)
    if shot.blur > 0.2:
        image = image.filter(ImageFilter.GaussianBlur(shot.blur))
    return _expose(image, shot, rng)


def jpeg(look: Phenotype, rng: np.random.Generator) -> bytes:
    """The file of a specimen: no metadata but what JPEG itself needs."""
    shot = draw_shot(rng)
    buffer = io.BytesIO()
    image = _develop(look, shot, rng)
    image.save(buffer, "JPEG", quality=shot.quality, optimize=True, subsampling="4:2:0")
    return buffer.getvalue()
