"""The logo, and the contact sheet that the README shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from PIL import Image

from sample_data.generator_common import scenery
from sample_data.generator_common.images import contact_sheet, small_png

from . import salamander
from .collection import DATASETS, SEED, PlannedImage, pattern

COLUMNS, TILE = 6, (132, 132)
LOGO = 192


def shown(images: Sequence[PlannedImage]) -> list[list[PlannedImage]]:
    """Return two rows a dataset, each with six train images of one side of one individual."""
    rows = []
    for dataset in DATASETS:
        of_one: dict[tuple[str, str], list[PlannedImage]] = {}
        for one in images:
            if one.dataset == dataset and one.task == "train":
                of_one.setdefault((one.identity, one.side), []).append(one)
        counts = Counter({key: len(group) for key, group in of_one.items()})
        most = [key for key, _ in counts.most_common(4)]
        rows += [of_one[key][:COLUMNS] for key in (most[0], most[-1])]
    return rows


def sheet(images: Sequence[PlannedImage]) -> bytes:
    """Return the contact sheet of `shown`."""
    return contact_sheet([[one.photograph().jpeg for one in row] for row in shown(images)], TILE)


def logo() -> bytes:
    """Return a square PNG: a salamander on white, in a flattering pose."""
    marks = pattern(SEED, "salamander", 1, "top")
    assert isinstance(marks, salamander.Blotches)
    drawing = salamander.paint(marks, (LOGO, LOGO), np.random.default_rng(4), 0.8)
    image = Image.new("RGB", drawing.skin.size, "white")
    image.paste(drawing.skin, mask=drawing.shape)
    return small_png(image, scenery.FINE)
