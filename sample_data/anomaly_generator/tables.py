"""The annotations of train, and the CSV tables of the two tasks."""

from __future__ import annotations

from collections.abc import Sequence

from sample_data.generator_common.tables import table
from training.anomaly.camera_traps import Box, Frame, document_text

from .collection import PlannedFrame
from .places import SIZE

INPUT_COLUMNS = ("filename", "location")
REFERENCE_COLUMNS = ("filename", "anomaly", "species", "location", "sequence")
Boxes = Sequence[tuple[int, int, int, int]]  # left, top, width, height in pixels


def annotations_file(frames: Sequence[PlannedFrame], boxes: Sequence[Boxes]) -> bytes:
    """Return annotations.json of train; `boxes` has those of each frame's actors."""
    documented = [
        Frame(
            one.filename,
            *SIZE,
            one.location,
            one.sequence,
            tuple(Box(actor.name, *box) for actor, box in zip(one.actors, own, strict=True)),
        )
        for one, own in zip(frames, boxes, strict=True)
    ]
    return document_text(documented).encode()


def frame_table(frames: Sequence[PlannedFrame], columns: Sequence[str]) -> bytes:
    """Return a table with a row for each frame, with some of the columns of `_row`."""
    return table(columns, map(_row, frames))


def _row(one: PlannedFrame) -> dict[str, str]:
    return {
        "filename": one.filename,
        "anomaly": "1" if one.anomaly else "0",
        "species": one.species,
        "location": one.location,
        "sequence": one.sequence,
    }
