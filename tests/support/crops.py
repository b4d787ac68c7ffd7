"""A folder of camera-trap data with drawn animals, and an encoder that needs no weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from training.anomaly.camera_traps import ANNOTATIONS, IMAGES, Box, Frame, write_camera_traps

COLOURS = {"jay": (40, 80, 200), "robin": (200, 60, 40), "wren": (90, 160, 70)}
LOCATIONS = ("feeder", "pond")
SIZE, SIDE = (160, 90), 30


def draw_camera_traps(folder: Path, frames: int = 24, odd: int = 2) -> Path:
    """Write frames with two animals each, three species at two locations; `odd` boxes are striped.

    The wren is never at the pond.
    """
    rng = np.random.default_rng(0)
    drawn = []
    for number in range(frames):
        place = LOCATIONS[number % 2]
        species = ("jay", "robin") if place == "pond" else ("wren", "jay", "robin")
        chosen = [species[(number // 2 + at) % len(species)] for at in range(2)]
        image = Image.new("RGB", SIZE, (150 - 20 * (number % 2), 160, 140))
        boxes = []
        for at, name in enumerate(chosen):
            left, top = 10 + 70 * at + int(rng.integers(20)), 20 + int(rng.integers(20))
            _animal(image, (left, top), name, striped=at == 0 and number < odd, rng=rng)
            boxes.append(Box(name, left, top, SIDE, SIDE))
        path = folder / IMAGES / f"{place}_{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
        drawn.append(Frame(path.name, *SIZE, place, f"{place}{number // 4}", tuple(boxes)))
    write_camera_traps(folder / ANNOTATIONS, drawn)
    return folder


def _animal(
    image: Image.Image, at: tuple[int, int], name: str, striped: bool, rng: np.random.Generator
) -> None:
    left, top = at
    red, green, blue = (int(c + rng.integers(-12, 13)) for c in COLOURS[name])
    pen = ImageDraw.Draw(image)
    pen.ellipse((left, top, left + SIDE, top + SIDE), fill=(red, green, blue))
    for line in range(0, SIDE, 6) if striped else ():
        pen.line((left, top + line, left + SIDE, top + line), fill=(255, 255, 0), width=3)


class MeanColours:
    """Features (n, 48) of crops: the mean colour of each of 4 x 4 cells."""

    name, digest, size, margin = "mean colours", "mean colours", 32, 0.1

    def __init__(self) -> None:
        self.seen = 0

    def features(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.seen += len(pixels)
        cells = pixels[..., :3].reshape(len(pixels), 4, 8, 4, 8, 3).astype(np.float32)
        return np.asarray(cells.mean(axis=(2, 4)).reshape(len(pixels), -1), dtype=np.float32)
