"""The logo, and the contact sheet that the README shows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from sample_data.generator_common.images import contact_sheet, small_png
from sample_data.generator_common.scenery import FINE

from . import beast
from .collection import SHARES, PlannedFrame
from .objects import ODD_OBJECTS
from .species import KNOWN, UNSEEN
from .sprite import FOOT, Pose, Sheet

COLUMNS, TILE = 7, (160, 90)
LOGO = 192


def shown(frames: Sequence[PlannedFrame]) -> list[list[PlannedFrame]]:
    """Return a row of train frames by day, a species each, one by night, one of anomalies."""
    train = [one for one in frames if one.task == "train" and one.light.weather == "dry"]
    by_day = [one for one in train if one.light.time == "day"]
    by_night = [one for one in train if one.light.infrared]
    odd = [one for one in frames if one.task == "development" and not one.light.infrared]
    things = [*UNSEEN["development"], *ODD_OBJECTS["development"]]
    rows = [(by_day, list(SHARES)), (by_night, list(SHARES)), (odd, things)]
    return [[_nearest(members, name) for name in names[:COLUMNS]] for members, names in rows]


def _nearest(frames: Sequence[PlannedFrame], name: str) -> PlannedFrame:
    """The frame in which what has this name is nearest to the camera."""
    found = [one for one in frames if one.species == name]
    return max(found, key=lambda one: max(a.foot[1] for a in one.actors if a.name == name))


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
