"""The logo, and the contact sheet that the README shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from sample_data.generator_common.images import contact_sheet, small_png
from sample_data.reid_generator.scenery import FINE

from . import beast
from .collection import SHARES, PlannedFrame
from .species import KNOWN
from .sprite import FOOT, Pose, Sheet

COLUMNS, TILE = 7, (160, 90)
LOGO = 192


def shown(frames: Sequence[PlannedFrame]) -> list[list[PlannedFrame]]:
    """Return a row of train frames by day, a species each, one by night, one of anomalies."""
    train = [one for one in frames if one.task == "train"]
    others = [one for one in frames if one.task == "development" and one.anomaly]

    def one_each(
        names: Sequence[str], wanted: Callable[[PlannedFrame], bool]
    ) -> list[PlannedFrame]:
        found = [next(f for f in train if f.species == name and wanted(f)) for name in names]
        return found[:COLUMNS]

    names = list(SHARES)
    by_day = one_each(names, lambda one: one.light.time == "day")
    by_night = one_each(names, lambda one: one.light.infrared)
    firsts = {one.anomaly: one for one in reversed(others)}
    return [by_day, by_night, [firsts[name] for name in sorted(firsts)][:COLUMNS]]


def sheet(frames: Sequence[PlannedFrame]) -> bytes:
    """Return the contact sheet of `shown`."""
    return contact_sheet([[one.shot().jpeg for one in row] for row in shown(frames)], TILE)


def logo() -> bytes:
    """Return a square PNG: a fox on white."""
    drawing = Sheet(82.0)
    beast.draw(drawing, KNOWN["fox"], Pose(True, 0.1, 0.0, 1.0, 0.0), np.random.default_rng(1))
    fox = drawing.skin
    image = Image.new("RGB", (LOGO * FINE, LOGO * FINE), "white")
    foot = (round(FOOT[0] * drawing.unit), round(FOOT[1] * drawing.unit))
    image.paste(fox, (LOGO * FINE // 2 - foot[0] - 20, LOGO * FINE * 3 // 4 - foot[1]), fox)
    return small_png(image, FINE)
