"""Things that do not belong before a camera trap, drawn on a sheet of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from sample_data.generator_common.shapes import Points, blob, limb, refine, smooth, tone

from .sprite import Sheet

_NONE: Points = np.zeros((0, 2))


def _box(left: float, bottom: float, right: float, top: float) -> Points:
    return np.array([[left, bottom], [right, bottom], [right, top], [left, top]])


def ball(sheet: Sheet, rng: np.random.Generator) -> None:
    """A ball in two colours."""
    around = blob(0.4, 1.0, 0, _NONE, 40) + np.array([0, 0.4])
    sheet.fill(around, (230, 40, 44))
    patches = Sheet(sheet.unit / 3)
    for angle in np.arange(3) * 2.1 + rng.uniform(0, 6):
        centre = np.array([0.3 * np.cos(angle), 0.4 + 0.3 * np.sin(angle)])
        patches.fill(blob(0.2, 1.0, 0, _NONE, 20) + centre, (246, 246, 246))
    sheet.clip_to(around, patches)


def bucket(sheet: Sheet, rng: np.random.Generator) -> None:
    """A bucket with its handle up."""
    sheet.fill(np.array([[-0.26, 0], [0.26, 0], [0.38, 0.66], [-0.38, 0.66]]), (40, 110, 220))
    sheet.fill(_box(-0.4, 0.6, 0.4, 0.7), tone((40, 110, 220), 1.35))
    handle = refine(np.array([[-0.38, 0.66], [-0.2, 1.0], [0.2, 1.0], [0.38, 0.66]]))
    sheet.fill(limb(handle, np.full(len(handle), 0.04)), (200, 200, 204))


def drone(sheet: Sheet, rng: np.random.Generator) -> None:
    """A drone with four arms that hovers above the ground."""
    up = rng.uniform(0.7, 1.1)
    sheet.fill(_box(-0.22, up, 0.22, up + 0.16), (240, 240, 244))
    for x in (-0.6, -0.36, 0.36, 0.6):
        line = refine(np.array([[0.0, up + 0.12], [x, up + 0.2]]))
        sheet.fill(limb(line, np.full(len(line), 0.05)), (60, 60, 64))
        sheet.fill(_box(x - 0.24, up + 0.2, x + 0.24, up + 0.25), (120, 124, 132))
    for x in (-0.2, 0.2):
        sheet.fill(_box(x - 0.02, up - 0.2, x + 0.02, up), (60, 60, 64))
    sheet.dot(0, up + 0.04, 0.07, (20, 20, 24))


def backpack(sheet: Sheet, rng: np.random.Generator) -> None:
    """A backpack that somebody left."""
    outline = smooth([(-0.36, 0), (0.36, 0), (0.4, 0.5), (0.26, 0.95), (-0.26, 0.95), (-0.4, 0.5)])
    sheet.fill(outline, (40, 150, 130))
    sheet.fill(_box(-0.26, 0.08, 0.26, 0.42), (240, 200, 40))
    sheet.fill(_box(-0.3, 0.6, 0.3, 0.66), (24, 40, 44))
    handle = refine(np.array([[-0.1, 0.92], [0.0, 1.08], [0.1, 0.92]]))
    sheet.fill(limb(handle, np.full(len(handle), 0.05)), (24, 40, 44))


def umbrella(sheet: Sheet, rng: np.random.Generator) -> None:
    """An open umbrella, with wedges in two colours."""
    sheet.fill(_box(-0.02, 0.0, 0.02, 0.9), (60, 50, 44))
    colours = ((224, 40, 120), (250, 240, 246))
    edges = np.linspace(np.pi, 0, 7)
    for number in range(6):
        arc = np.linspace(edges[number], edges[number + 1], 6)
        rim = np.stack([0.75 * np.cos(arc), 0.7 + 0.5 * np.sin(arc)], axis=1)
        sheet.fill(np.concatenate([[[0.0, 0.68]], rim]), colours[number % 2])


def cone(sheet: Sheet, rng: np.random.Generator) -> None:
    """A traffic cone."""
    sheet.fill(_box(-0.38, 0.0, 0.38, 0.08), (200, 70, 10))
    sheet.fill(np.array([[-0.28, 0.08], [0.28, 0.08], [0.05, 0.95], [-0.05, 0.95]]), (250, 96, 16))
    for low, high in ((0.28, 0.44), (0.58, 0.7)):
        left, right = (0.28 - 0.23 * (one - 0.08) / 0.87 for one in (low, high))
        stripe = [[-left, low], [left, low], [right, high], [-right, high]]
        sheet.fill(np.array(stripe), (246, 246, 246))


Drawer = Callable[[Sheet, np.random.Generator], None]
# By task: what development shows, final does not. Sizes are pixels of a trunk length.
ODD_OBJECTS: Mapping[str, Mapping[str, Drawer]] = {
    "development": {"ball": ball, "bucket": bucket, "drone": drone},
    "final": {"backpack": backpack, "umbrella": umbrella, "cone": cone},
}
OBJECT_SIZE = 46.0
