"""Time of day and weather: what turns a scene into the file that a camera trap writes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from sample_data.generator_common.scenery import FINE, Pixels
from sample_data.generator_common.shapes import Colour

TIMES = ("day",) * 5 + ("dusk",) * 2 + ("night",) * 3  # as often as this
WEATHER = ("dry", "rain", "fog")
_HAZE: Colour = (196, 202, 206)


@dataclass(frozen=True)
class Light:
    """What holds for all frames of a sequence."""

    time: str
    weather: str
    gains: tuple[float, float, float]  # exposure and white balance
    falloff: tuple[float, float]  # change of brightness from edge to edge
    haze: float  # share of fog far away
    flash: tuple[float, float]  # where the infra-red lamp points, shares of width and height
    grain: float
    blur: float  # of moving animals, in lengths of their steps

    @property
    def infrared(self) -> bool:
        return self.time == "night"


def draw_light(rng: np.random.Generator, time: str) -> Light:
    """Return the light of a sequence; at a time, the same distribution for all sequences."""
    weather = str(rng.choice(WEATHER, p=[0.78, 0.13, 0.09]))
    exposure, warmth, tint = rng.normal(1, 0.11), rng.normal(0, 0.05), rng.normal(0, 0.025)
    if time == "dusk":
        exposure, warmth = 0.68 * exposure, warmth + float(rng.choice([0.14, -0.1]))
    return Light(
        time=time,
        weather=weather,
        gains=(exposure * (1 + warmth), exposure * (1 + tint), exposure * (1 - warmth)),
        falloff=(rng.normal(0, 0.14), rng.normal(0, 0.1)),
        haze=float(rng.uniform(0.3, 0.6)) if weather == "fog" else 0.0,
        flash=(float(rng.uniform(0.35, 0.65)), float(rng.uniform(0.5, 0.75))),
        grain=float(rng.uniform(1.0, 2.6)),
        blur=float(rng.uniform(0.1, 0.9) * (1.6 if time == "night" else 1.0)),
    )


def _rain(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Pale streaks, all in one direction."""
    height, width = pixels.shape[:2]
    streaks = Image.new("L", (width * FINE, height * FINE), 0)
    draw = ImageDraw.Draw(streaks)
    slant = rng.normal(0, 0.15)
    for _ in range(int(rng.integers(50, 130))):
        x, y = rng.uniform(0, 1, 2) * np.array(streaks.size)
        length = rng.uniform(8, 26) * FINE
        level = int(rng.integers(60, 150))
        draw.line([x, y, x + slant * length, y + length], fill=level, width=FINE - 1)
    alpha = np.asarray(streaks.reduce(FINE), dtype=float)[..., None] / 255
    return np.asarray(pixels * (1 - alpha) + 222 * alpha)


def _lamp(pixels: Pixels, light: Light) -> Pixels:
    """Grey levels under the infra-red lamp, which lights the middle and little beyond."""
    height, width = pixels.shape[:2]
    grey = np.repeat(pixels @ np.array([[0.5], [0.32], [0.18]]), 3, axis=2)
    x = (np.arange(width) / width - light.flash[0])[None, :, None]
    y = (np.arange(height) / height - light.flash[1])[:, None, None]
    reach = np.exp(-(x**2 / 0.16 + y**2 / 0.2))
    return np.asarray(grey * (0.32 + 0.88 * reach))


def expose(pixels: Pixels, light: Light, horizon: int, rng: np.random.Generator) -> Image.Image:
    """Return the frame in that light; pixels: (height, width, 3), levels of 0 to 255 by day."""
    height, width = pixels.shape[:2]
    rows = np.arange(height)[:, None, None]
    if light.haze:
        share = light.haze * np.clip(1.25 - (rows - horizon) / (height - horizon), 0.2, 1)
        pixels = pixels * (1 - share) + np.array(_HAZE) * share
    if light.infrared:
        pixels = _lamp(pixels, light) * light.gains[1]
    else:
        pixels = pixels * np.array(light.gains)
    if light.weather == "rain":
        pixels = _rain(0.9 * pixels + 8, rng)
    x = (np.arange(width) / width - 0.5)[None, :, None]
    pixels = pixels * (1 + light.falloff[0] * x + light.falloff[1] * (rows / height - 0.5))
    exposed = pixels + rng.normal(0, light.grain, (height, width, 1))
    return Image.fromarray(np.clip(np.rint(exposed), 0, 255).astype(np.uint8))
