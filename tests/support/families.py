"""Small collections of images of families, and tables with defects."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

COLUMNS = ("filename", "family", "phylum")
TAXONOMY = {"Apidae": "Arthropoda", "Bufonidae": "Chordata", "Octopodidae": "Mollusca"}
SIZE = (48, 40)  # pixels, width and height


def speckled(seed: int, colour: Sequence[int] = (120, 120, 120)) -> Image.Image:
    """Return an RGB image of one colour with grain of its own."""
    rng = np.random.default_rng(seed)
    pixels = np.array(colour) + rng.normal(0, 25, (SIZE[1], SIZE[0], 3))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def write_rows(
    folder: Path, rows: Sequence[Sequence[str]], columns: Sequence[str] = COLUMNS
) -> None:
    """Write FOLDER/train.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "train.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def draw_collection(folder: Path, each: int = 4) -> list[list[str]]:
    """Write `each` images of every family of TAXONOMY and the table; return its rows."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for place, (family, phylum) in enumerate(TAXONOMY.items()):
        for number in range(each):
            name = f"{family}_{number}.jpg"
            colour = [(60, 120, 180)[(place + channel) % 3] for channel in range(3)]
            speckled(10 * place + number, colour).save(folder / "images" / name)
            rows.append([name, family, phylum])
    write_rows(folder, rows)
    return rows
