"""The logo, and the contact sheet that the README shows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from sample_data.generator_common.images import contact_sheet, small_png
from sample_data.generator_common.scenery import FINE

from . import dirt
from .collection import PlannedImage
from .families import FAMILIES, draw_traits
from .photograph import draw_animal

COLUMNS, TILE = 7, (120, 120)
LOGO = 192


def sheet(images: Sequence[PlannedImage]) -> bytes:
    """Return the contact sheet: a clean image of each family, then one of each kind of dirt."""
    train = [one for one in images if one.task == "train"]
    clean = {name: next(one for one in train if (one.family, one.dirt) == (name, ""))
             for name in FAMILIES}  # fmt: skip
    dirty = [next(one for one in train if one.dirt == kind) for kind in dirt.COUNTS]
    by_phylum = sorted(clean.values(), key=lambda one: (one.phylum, one.family))
    shown = [one.jpeg() for one in [*by_phylum, *dirty]]
    return contact_sheet([shown[k : k + COLUMNS] for k in range(0, len(shown), COLUMNS)], TILE)


def logo() -> bytes:
    """Return a square PNG: an owl on white."""
    rng = np.random.default_rng(6)
    _, painted = draw_animal("Strigidae", draw_traits("Strigidae", rng), (LOGO, LOGO), rng)
    image = Image.new("RGB", painted.skin.size, "white")
    image.paste(painted.skin, mask=painted.shape)
    return small_png(image, FINE)
