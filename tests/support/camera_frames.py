"""Small camera-trap data: red and blue blocks on noise, two sequences at each of two locations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from training.anomaly.camera_traps import ANNOTATIONS, IMAGES, Box, Frame, write_camera_traps

_COLOURS = {"finch": (220, 30, 30), "jay": (30, 30, 220)}


def draw_frames(folder: Path, count: int = 8, size: tuple[int, int] = (64, 32)) -> list[Frame]:
    """Write `count` frames with one animal each, every fourth one without; return them."""
    rng = np.random.default_rng(0)
    frames = []
    (folder / IMAGES).mkdir(parents=True)
    for number in range(count):
        pixels = rng.integers(90, 130, (size[1], size[0], 3), dtype=np.uint8)
        species = ("finch", "jay")[number % 2]
        left, top = int(rng.integers(0, size[0] - 20)), int(rng.integers(0, size[1] - 16))
        boxes = () if number % 4 == 3 else (Box(species, left, top, 18, 14),)
        for box in boxes:
            pixels[top + 2 : top + 12, left + 2 : left + 16] = _COLOURS[box.species]
        name = f"{number}.png"
        Image.fromarray(pixels).save(folder / IMAGES / name)
        place = f"camera{number * 2 // count}"
        frames.append(Frame(name, *size, place, f"s{number * 4 // count}", boxes))
    write_camera_traps(folder / ANNOTATIONS, frames)
    return frames
