"""The logo, and the contact sheet that the README shows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from sample_data.generator_common.images import contact_sheet, small_png

from .collection import MIMIC, SIGNAL, UNSEEN, Specimen
from .genetics import SUBSPECIES, pure
from .phenotype import phenotype
from .wings import Pose, Wear
from .wings import Specimen as Drawing

COLUMNS, TILE = 5, (160, 116)
LOGO = 192


def _shown(specimens: Sequence[Specimen]) -> list[Specimen]:
    """List, row by row: pure (two rows), signal hybrids, hybrids of the unseen pairs, the mimic."""
    first: dict[tuple[str, ...], list[Specimen]] = {}
    for one in specimens:
        first.setdefault(one.parents, []).append(one)
    pure_a = [name for name, row in SUBSPECIES.items() if row.species == "A"]
    rows = [first[name,][0] for name in pure_a]
    rows += first[SIGNAL][:COLUMNS]
    rows += [first[pair][0] for pair in UNSEEN]
    rows += [first[name,][0] for name in MIMIC]
    return rows + first[MIMIC][: COLUMNS - len(MIMIC)]


def sheet(specimens: Sequence[Specimen]) -> bytes:
    """Return the contact sheet of `_shown`, five to a row."""
    images = [one.image() for one in _shown(specimens)]
    rows = [images[start : start + COLUMNS] for start in range(0, len(images), COLUMNS)]
    return contact_sheet(rows, TILE)


def logo() -> bytes:
    """Return a square PNG: one flawless specimen on white."""
    rng = np.random.default_rng(1)
    subspecies = SUBSPECIES[SIGNAL[1]]
    size = LOGO * 4
    image = Image.new("RGB", (size, size), "white")
    pose = Pose(size / 2, size * 0.49, size * 0.47, 0.0, (0.0, 0.0), (0.0, 0.0))
    look = phenotype(pure(subspecies, rng), subspecies.species)
    Drawing(image, look, pose, rng).draw(Wear(chips=0, scratches=0, fading=0.0))
    return small_png(image, 4)
