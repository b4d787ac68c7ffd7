"""A few frames of camera traps on the disk, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from training.anomaly.camera_traps import ANNOTATIONS, IMAGES, Box, Frame, write_camera_traps

_BOXES = (Box("fox", 1, 2.5, 10, 20), Box("hare", 30, 0, 10, 9))
FRAMES = (
    Frame("a/1.jpg", 40, 30, "creek", "s1", _BOXES),
    Frame("2.jpg", 40, 30, "creek", "s1", ()),
    Frame("3.png", 20, 30, "rock", "s2", (Box("fox", 0, 0, 20, 30),)),
)


def draw_images(folder: Path, frames: Sequence[Frame] = FRAMES) -> Path:
    """Draw an image of each frame's size and name, in shades that differ; return the folder."""
    for number, frame in enumerate(frames):
        path = folder / frame.file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (frame.width, frame.height), (number * 40 % 256, 80, 9)).save(path)
    return folder


def draw_data(folder: Path, frames: Sequence[Frame] = FRAMES) -> Path:
    """Write a data folder of the frames, images and annotations, and return it."""
    draw_images(folder / IMAGES, frames)
    write_camera_traps(folder / ANNOTATIONS, frames)
    return folder
