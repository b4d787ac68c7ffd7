"""Make frames of fixed cameras with animals that were cut out of other frames.

    python -m training.anomaly.synthesize --data DIR --out FOLDER --count 200 [--seed 0]

DIR holds annotations.json and images/. An animal is cut out of its box by GrabCut (Rother et al.
2004, of OpenCV) and pasted on a frame without boxes; where DIR has none, on a frame whose animals
were painted over (Telea 2004). Place, scale, mirroring, light and the softness of the edge are
random by the seed. FOLDER gets images/, annotations.json with the boxes of what is visible, and
sources.csv, which says what came from where; equal options give equal frames.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.anomaly.camera_traps import (
    ANNOTATIONS,
    IMAGES,
    Box,
    Frame,
    read_camera_traps,
    write_camera_traps,
)
from training.common.atomic import replaced_folder, write_text
from training.common.console import say
from training.common.errors import DataError, FolderError
from training.common.images import read_each, save_image
from training.common.script import parser, run
from wildlife_image.rgb import to_rgb

Pixels = NDArray[np.uint8]
Row = tuple[str | float, ...]  # of sources.csv
COLUMNS = ("filename", "background", "source", "species", "left", "top", "width", "height")
_MOST = 3  # animals in a frame
_ROUNDS = 4  # of GrabCut
_MARGIN = 0.25  # of a box's sides, that GrabCut sees of the background
_SCALES, _LIGHTS = (0.7, 1.4), (0.75, 1.25)
_LEAST_SHARE = 0.1  # of its box that a cut-out covers; less is a failed segmentation
_LEAST_SIDE = 8  # pixels


@dataclass(frozen=True)
class CutOut:
    """An animal: pixels (h, w, 3), how much of each is animal (h, w) in 0..1, and its source."""

    pixels: Pixels
    alpha: NDArray[np.float32]
    species: str
    source: str


def cut_out(image: Pixels, box: Box, source: str) -> CutOut | None:
    """Cut the animal out of its box by GrabCut; None where it finds hardly anything."""
    height, width = image.shape[:2]
    left, top = round(box.left), round(box.top)
    right, bottom = round(box.left + box.width), round(box.top + box.height)
    if min(right - left, bottom - top) < _LEAST_SIDE:
        return None
    across, down = round(_MARGIN * box.width), round(_MARGIN * box.height)
    x0, y0 = max(0, left - across), max(0, top - down)
    crop = np.ascontiguousarray(
        image[y0 : min(height, bottom + down), x0 : min(width, right + across)]
    )
    labels = np.full(crop.shape[:2], cv2.GC_BGD, np.uint8)
    labels[top - y0 : bottom - y0, left - x0 : right - x0] = cv2.GC_PR_FGD
    if (labels == cv2.GC_BGD).all() or (labels != cv2.GC_BGD).all():
        return None
    cv2.setRNGSeed(0)
    empty = np.zeros((1, 65))
    cv2.grabCut(crop, labels, (0, 0, 1, 1), empty, empty.copy(), _ROUNDS, cv2.GC_INIT_WITH_MASK)
    mask = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    inside = (slice(top - y0, bottom - y0), slice(left - x0, right - x0))
    if mask[inside].mean() < _LEAST_SHARE:
        return None
    return CutOut(crop[inside].copy(), mask[inside].astype(np.float32), box.species, source)


def painted_over(image: Pixels, boxes: Sequence[Box]) -> Pixels:
    """Return the image with its boxes filled from around them."""
    mask = np.zeros(image.shape[:2], np.uint8)
    for box in boxes:
        rows = slice(max(0, int(box.top) - 2), int(box.top + box.height) + 3)
        mask[rows, max(0, int(box.left) - 2) : int(box.left + box.width) + 3] = 255
    filled: Pixels = np.array(image)
    if boxes:
        filled[:] = cv2.inpaint(image, mask, 5, cv2.INPAINT_TELEA)
    return filled


def varied(animal: CutOut, size: tuple[int, int], rng: np.random.Generator) -> CutOut:
    """Return the animal at another scale and light, perhaps mirrored, with a soft edge.

    size: (width, height) of the background, which it never exceeds.
    """
    high, wide = animal.alpha.shape
    scale = min(float(rng.uniform(*_SCALES)), 0.9 * size[0] / wide, 0.9 * size[1] / high)
    new = (max(_LEAST_SIDE, round(wide * scale)), max(_LEAST_SIDE, round(high * scale)))
    pixels = cv2.resize(animal.pixels, new, interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(animal.alpha, new, interpolation=cv2.INTER_LINEAR)
    alpha = cv2.GaussianBlur(alpha, (0, 0), float(rng.uniform(0.5, 1.5)))
    if rng.random() < 0.5:
        pixels, alpha = pixels[:, ::-1], alpha[:, ::-1]
    lit = np.clip(pixels * float(rng.uniform(*_LIGHTS)), 0, 255).astype(np.uint8)
    return CutOut(lit, np.asarray(alpha, np.float32), animal.species, animal.source)


def paste(canvas: Pixels, animal: CutOut, rng: np.random.Generator) -> Box:
    """Paste the animal at a random place of the canvas, in place; return the box of what shows."""
    high, wide = animal.alpha.shape
    left = int(rng.integers(0, canvas.shape[1] - wide + 1))
    top = int(rng.integers(0, canvas.shape[0] - high + 1))
    part = canvas[top : top + high, left : left + wide]
    alpha = animal.alpha[..., None]
    part[:] = np.rint(alpha * animal.pixels + (1 - alpha) * part).astype(np.uint8)
    rows, columns = np.nonzero(animal.alpha > 0.5)
    x0, y0 = int(columns.min()), int(rows.min())
    sides = (int(columns.max()) + 1 - x0, int(rows.max()) + 1 - y0)
    return Box(animal.species, left + x0, top + y0, sides[0], sides[1])


def cut_all(images: Sequence[Pixels], frames: Sequence[Frame]) -> list[CutOut]:
    """Cut out every animal. Raises DataError where no segmentation finds any."""
    tried = [
        cut_out(image, box, frame.file_name)
        for image, frame in zip(images, frames, strict=True)
        for box in frame.boxes
    ]
    found = [one for one in tried if one is not None and (one.alpha > 0.5).sum() > _LEAST_SIDE**2]
    if not found:
        raise DataError(f"of {len(tried)} boxes none could be cut out; expected larger animals")
    say(f"{len(found)} of {len(tried)} animals cut out")
    return found


def synthesize(data: Path, frames: Sequence[Frame], out: Path, count: int, seed: int) -> None:
    """Write `count` frames, made of DIR's frames, into a new folder.

    Raises DataError and FolderError.
    """
    if out.exists() and any(out.iterdir()):
        raise FolderError(f"{out} is not empty; give another folder, or delete it")
    paths = [data / IMAGES / frame.file_name for frame in frames]
    images = read_each(paths, lambda image: np.array(to_rgb(image)), "made")
    animals = cut_all(images, frames)
    empty = [at for at, frame in enumerate(frames) if not frame.boxes] or list(range(len(frames)))
    rng = np.random.default_rng(seed)
    made: list[Frame] = []
    rows: list[Row] = []
    with replaced_folder(out) as folder:
        for number in range(count):
            at = int(rng.choice(empty))
            canvas = painted_over(images[at], frames[at].boxes)
            name = f"made-{number:05d}.jpg"
            pasted = paste_some(canvas, animals, rng)
            save_image(Image.fromarray(canvas), folder / IMAGES / name)
            size, boxes = (canvas.shape[1], canvas.shape[0]), tuple(box for _, box in pasted)
            made.append(Frame(name, *size, frames[at].location, name, boxes))
            rows += [_row(name, frames[at].file_name, source, box) for source, box in pasted]
        write_camera_traps(folder / ANNOTATIONS, made)
        write_text(folder / "sources.csv", _table(rows))
    say(f"{out}: {count} frames with {len(rows)} animals")


def paste_some(
    canvas: Pixels, animals: Sequence[CutOut], rng: np.random.Generator
) -> list[tuple[str, Box]]:
    """Paste one to three animals on the canvas, in place; return the source and box of each."""
    pasted = []
    for _ in range(int(rng.integers(1, _MOST + 1))):
        chosen = animals[int(rng.integers(len(animals)))]
        animal = varied(chosen, (canvas.shape[1], canvas.shape[0]), rng)
        if (animal.alpha > 0.5).any():
            pasted.append((animal.source, paste(canvas, animal, rng)))
    return pasted


def _row(name: str, background: str, source: str, box: Box) -> Row:
    return (name, background, source, box.species, box.left, box.top, box.width, box.height)


def _table(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([COLUMNS, *rows])
    return text.getvalue()


def parse(arguments: list[str] | None) -> argparse.Namespace:
    made = parser("training.anomaly.synthesize", "Paste cut-out animals on other backgrounds.")
    made.add_argument("--data", type=Path, required=True, help="annotations.json and images/")
    made.add_argument("--out", type=Path, required=True, help="a new folder")
    made.add_argument("--count", type=int, default=200, help="frames to make")
    made.add_argument("--seed", type=int, default=0)
    options = made.parse_args(arguments)
    if options.count < 1 or options.seed < 0:
        made.error("--count must be above 0, --seed 0 or more")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, make the frames and return the exit status."""
    options = parse(arguments)

    def work() -> None:
        frames = read_camera_traps(options.data)
        synthesize(options.data, frames, options.out, options.count, options.seed)

    return run(options, work)


if __name__ == "__main__":
    raise SystemExit(main())
