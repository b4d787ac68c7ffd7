"""Features of the annotated animals, as a submission takes them of detected ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.anomaly.camera_traps import IMAGES, Frame
from training.common.errors import DataError
from training.common.images import read_each, upright_size
from wildlife_anomaly.anomaly_model import COLOUR, ENCODED
from wildlife_anomaly.colour import colour_histograms
from wildlife_anomaly.crops import is_night, rescaled, served_frame
from wildlife_anomaly.encoder import ServedEncoder
from wildlife_anomaly.scores import Array

FEWEST = 8  # crops of a species: fewer say nothing of how much it varies


@dataclass(frozen=True)
class Animals:
    """Features (n, d) of n annotated animals by kind; species, sequence and frame of each (n,)."""

    features: dict[str, Array]
    species: NDArray[np.str_]
    sequence: NDArray[np.str_]
    frame: NDArray[np.int64]

    def of(self, rows: NDArray[np.bool_]) -> Animals:
        """Return the animals of the rows (n,) that are set."""
        features = {kind: values[rows] for kind, values in self.features.items()}
        return Animals(features, self.species[rows], self.sequence[rows], self.frame[rows])

    def __len__(self) -> int:
        return len(self.species)


def check_species(frames: Sequence[Frame]) -> None:
    """Raise DataError that names all reasons why species cannot be told from one another."""
    names = sorted({box.species for frame in frames for box in frame.boxes})
    problems = []
    if len(names) < 2:
        problems.append(
            f"expected boxes of at least 2 species, found {', '.join(names) or 'none'}: settings "
            "are chosen by leaving species out in turn"
        )
    for name in names:
        own = [frame for frame in frames for box in frame.boxes if box.species == name]
        sequences = len({frame.sequence for frame in own})
        if len(own) < FEWEST or sequences < 2:
            problems.append(
                f"{name}: expected at least {FEWEST} boxes in 2 sequences, found {len(own)} in "
                f"{sequences}; add images, or leave the species' boxes out"
            )
    if problems:
        raise DataError("\n  ".join(["the species cannot be learned", *problems]))


def read_animals(
    data: Path, frames: Sequence[Frame], encoder: ServedEncoder
) -> tuple[Animals, Animals]:
    """Return the animals of frames with colour, and all of them in grey, as night shows them.

    Raises DataError that names all images which cannot be read.
    """
    with_boxes = [frame for frame in frames if frame.boxes]
    places = iter(with_boxes)
    read = read_each(
        [data / IMAGES / frame.file_name for frame in with_boxes],
        lambda image: _of_frame(image, next(places), encoder),
        "fitted",
    )
    day = [colour for colour, _ in read]
    night = [grey for _, grey in read]
    return _joined(with_boxes, day), _joined(with_boxes, night)


def _of_frame(
    image: Image.Image, frame: Frame, encoder: ServedEncoder
) -> tuple[dict[str, Array] | None, dict[str, Array]]:
    """Features of a frame's boxes in colour (None at night), and in grey."""
    measured = upright_size(image)
    seen = served_frame(image)
    boxes = [
        rescaled((box.left, box.top, box.width, box.height), measured, seen.size)
        for box in frame.boxes
    ]
    lights = (False, True) if not is_night(seen) else (True,)
    made = []
    for grey in lights:
        crops = encoder.crops(seen, boxes, grey)
        made.append({ENCODED: encoder.of_crops(crops), COLOUR: colour_histograms(crops)})
    return (made[0] if len(made) == 2 else None), made[-1]


def _joined(frames: Sequence[Frame], found: Sequence[dict[str, Array] | None]) -> Animals:
    kept = [
        (n, frame, one) for n, (frame, one) in enumerate(zip(frames, found, strict=True)) if one
    ]
    rows = [(n, frame, box) for n, frame, _ in kept for box in frame.boxes]
    features = {
        kind: np.concatenate([one[kind] for _, _, one in kept]) if kept else np.zeros((0, 0))
        for kind in (ENCODED, COLOUR)
    }
    return Animals(
        features,
        np.array([box.species for _, _, box in rows], dtype=np.str_),
        np.array([frame.sequence for _, frame, _ in rows], dtype=np.str_),
        np.array([n for n, _, _ in rows], dtype=np.int64),
    )
