"""Ten points on an animal, as annotators of real images mark body points to align animals by.

They are a grid, five along the animal and two across it, at the same places of every individual of
a dataset: first the five of one edge from head to tail, then the five of the other. Those of a
image may lie outside its frame, as the animal may.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from sample_data.generator_common.scenery import FINE
from sample_data.generator_common.shapes import Points

ALONG, ACROSS = 5, 2


@dataclass(frozen=True)
class Drawing:
    """An animal in a pose, FINE times as large as its image."""

    skin: Image.Image  # colours
    shape: Image.Image  # mode L
    landmarks: Points  # (10, 2), in pixels of the drawing


def grid(along: tuple[float, float], across: tuple[float, float]) -> Points:
    """The landmarks in an animal's own coordinates, (10, 2): evenly from end to end."""
    x, y = np.meshgrid(np.linspace(*along, ALONG), np.linspace(*across, ACROSS))
    return np.stack([x.ravel(), y.ravel()], axis=1)


def in_image(points: Points) -> Points:
    """From pixels of the fine drawing to pixels of the image, both (n, 2).

    Both count from the centre of their top left pixel; from the corner, half a pixel before it,
    they differ by the factor FINE alone.
    """
    return (points + 0.5) / FINE - 0.5
