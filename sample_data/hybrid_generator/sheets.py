"""The logo, and the contact sheet that the README shows."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from .collection import MIMIC, SIGNAL, UNSEEN, Specimen
from .genetics import SUBSPECIES, pure
from .phenotype import phenotype
from .wings import Pose, Wear
from .wings import Specimen as Drawing

COLUMNS, TILE, GAP = 5, (160, 116), 4
LOGO = 192


def _shown(specimens: Sequence[Specimen]) -> list[Specimen]:
    """Row by row: pure (two rows), signal hybrids, hybrids of the unseen pairs, the mimic."""
    first: dict[tuple[str, ...], list[Specimen]] = {}
    for one in specimens:
        first.setdefault(one.parents, []).append(one)
    pure_a = [name for name, row in SUBSPECIES.items() if row.species == "A"]
    rows = [first[name,][0] for name in pure_a]
    rows += first[SIGNAL][:COLUMNS]
    rows += [first[pair][0] for pair in UNSEEN]
    rows += [first[name,][0] for name in MIMIC]
    return rows + first[MIMIC][: COLUMNS - len(MIMIC)]


def contact_sheet(specimens: Sequence[Specimen]) -> bytes:
    """A JPEG of `_shown`, five to a row."""
    shown = _shown(specimens)
    step = (TILE[0] + GAP, TILE[1] + GAP)
    rows = -(-len(shown) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * step[0] + GAP, rows * step[1] + GAP), "white")
    for place, one in enumerate(shown):
        tile = Image.open(io.BytesIO(one.picture()))
        tile.thumbnail(TILE, Image.Resampling.LANCZOS)
        row, column = divmod(place, COLUMNS)
        left = GAP + column * step[0] + (TILE[0] - tile.width) // 2
        sheet.paste(tile, (left, GAP + row * step[1] + (TILE[1] - tile.height) // 2))
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=84, optimize=True)
    return buffer.getvalue()


def logo() -> bytes:
    """A square PNG: one flawless specimen on white."""
    rng = np.random.default_rng(1)
    subspecies = SUBSPECIES[SIGNAL[1]]
    size = LOGO * 4
    image = Image.new("RGB", (size, size), "white")
    pose = Pose(size / 2, size * 0.49, size * 0.47, 0.0, (0.0, 0.0), (0.0, 0.0))
    look = phenotype(pure(subspecies, rng), subspecies.species)
    Drawing(image, look, pose, rng).draw(Wear(chips=0, scratches=0, fading=0.0))
    buffer = io.BytesIO()
    image.reduce(4).quantize(128).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
