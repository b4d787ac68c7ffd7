"""The logo, and the contact sheet that the README shows."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence

import numpy as np
from PIL import Image

from . import salamander, scenery
from .collection import DATASETS, SEED, Picture, pattern

COLUMNS, TILE, GAP = 6, 132, 4
LOGO = 192


def shown(pictures: Sequence[Picture]) -> list[list[Picture]]:
    """Two rows a dataset, each with six train pictures of one side of one individual."""
    rows = []
    for dataset in DATASETS:
        of_one: dict[tuple[str, str], list[Picture]] = {}
        for one in pictures:
            if one.dataset == dataset and one.task == "train":
                of_one.setdefault((one.identity, one.side), []).append(one)
        counts = Counter({key: len(group) for key, group in of_one.items()})
        most = [key for key, _ in counts.most_common(4)]
        rows += [of_one[key][:COLUMNS] for key in (most[0], most[-1])]
    return rows


def contact_sheet(pictures: Sequence[Picture]) -> bytes:
    """A JPEG of `shown`."""
    rows = shown(pictures)
    step = TILE + GAP
    sheet = Image.new("RGB", (COLUMNS * step + GAP, len(rows) * step + GAP), "white")
    for row, members in enumerate(rows):
        for column, one in enumerate(members):
            tile = Image.open(io.BytesIO(one.photograph().jpeg))
            tile.thumbnail((TILE, TILE), Image.Resampling.LANCZOS)
            left = GAP + column * step + (TILE - tile.width) // 2
            sheet.paste(tile, (left, GAP + row * step + (TILE - tile.height) // 2))
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=84, optimize=True)
    return buffer.getvalue()


def logo() -> bytes:
    """A square PNG: a salamander on white, in a flattering pose."""
    marks = pattern(SEED, "salamander", 1, "top")
    assert isinstance(marks, salamander.Blotches)
    drawing = salamander.paint(marks, (LOGO, LOGO), np.random.default_rng(4), 0.8)
    image = Image.new("RGB", drawing.skin.size, "white")
    image.paste(drawing.skin, mask=drawing.shape)
    buffer = io.BytesIO()
    image.reduce(scenery.FINE).quantize(128).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
