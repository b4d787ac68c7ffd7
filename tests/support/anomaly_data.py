"""A small folder of camera trap frames: species that differ in colour and shape."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from training.anomaly.camera_traps import (
    ANNOTATIONS,
    IMAGES,
    Box,
    Frame,
    write_camera_traps,
)

SIZE = (128, 80)
COLOURS = {"crane": (220, 60, 50), "fox": (50, 70, 210), "hare": (40, 190, 60)}


def draw_frame(
    species: Sequence[str], seed: int, night: bool = False
) -> tuple[Image.Image, list[Box]]:
    """Draw a frame with an ellipse for each species, and its boxes."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(90, 150, (SIZE[1], SIZE[0], 1)) + rng.integers(-20, 20, 3)
    image = Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8))
    boxes = []
    for at, name in enumerate(species):
        width, height = 24 + int(rng.integers(0, 6)), 16 + int(rng.integers(0, 6))
        left, top = 6 + 40 * at + int(rng.integers(0, 6)), 20 + int(rng.integers(0, 30))
        colour = tuple(int(c + rng.integers(-20, 20)) for c in COLOURS[name])
        ImageDraw.Draw(image).ellipse((left, top, left + width, top + height), fill=colour)
        boxes.append(Box(name, float(left), float(top), float(width), float(height)))
    return (image.convert("L").convert("RGB") if night else image), boxes


def camera_traps(
    folder: Path, species: Sequence[str] = tuple(COLOURS), sequences: int = 4, frames: int = 3
) -> Path:
    """Write frames of each species, three to a sequence; every fifth frame is of the night."""
    made = []
    (folder / IMAGES).mkdir(parents=True)
    for number in range(len(species) * sequences * frames):
        name = species[number // frames % len(species)]
        image, boxes = draw_frame([name], number, night=number % 5 == 4)
        file = f"{number:03}.png"
        image.save(folder / IMAGES / file)
        made.append(Frame(file, *SIZE, "camera", f"s{number // frames}", tuple(boxes)))
    write_camera_traps(folder / ANNOTATIONS, made)
    return folder
