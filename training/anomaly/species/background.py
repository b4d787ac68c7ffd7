"""What a detector takes for animals and is none: one more known class.

At cameras and hours that a detector does not know well, it finds animals in leaves and feeders. A
box of such a place is like no species, so it would count as an anomaly. The boxes that the detector
finds in the training frames, away from every annotated animal, show what its false alarms look
like. training.anomaly.compare_unseen compares this; no submission has it, because what it gains is
within noise (training/LOG.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from training.anomaly.camera_traps import Box, Frame
from training.anomaly.species.features import FEWEST, Animals
from wildlife_anomaly.detector import Detection

BACKGROUND = "(background)"  # no species has brackets around its name
MOST = 5  # false alarms of a frame, the surest: where there are ten, all of them gain no more
_APART = 0.3  # intersection over union with every animal, below which a box shows none


def with_background(frames: Sequence[Frame], found: Sequence[Sequence[Detection]]) -> list[Frame]:
    """Return the frames with the detector's false alarms as boxes of the class BACKGROUND.

    found: the detector's boxes in each frame, the surest first.
    """
    return [
        replace(frame, boxes=(*frame.boxes, *_false_alarms(frame, boxes)))
        for frame, boxes in zip(frames, found, strict=True)
    ]


def without_scarce_background(day: Animals, night: Animals) -> tuple[Animals, Animals]:
    """Leave the background out where a light has too few crops of it to say how much it varies."""
    kinds = [one for one in (day, night) if len(one)]
    if all((one.species == BACKGROUND).sum() >= FEWEST for one in kinds):
        return day, night
    return day.of(day.species != BACKGROUND), night.of(night.species != BACKGROUND)


def _false_alarms(frame: Frame, found: Sequence[Detection]) -> list[Box]:
    boxes = [Box(BACKGROUND, one.left, one.top, one.width, one.height) for one in found]
    alarms = [box for box in boxes if all(overlap(box, own) < _APART for own in frame.boxes)]
    return alarms[:MOST]


def overlap(first: Box, second: Box) -> float:
    """Return the intersection over the union of two boxes, 0 to 1."""
    width = _shared(first.left, first.width, second.left, second.width)
    height = _shared(first.top, first.height, second.top, second.height)
    both = width * height
    return both / (first.width * first.height + second.width * second.height - both)


def _shared(first: float, first_size: float, second: float, second_size: float) -> float:
    return max(0.0, min(first + first_size, second + second_size) - max(first, second))
