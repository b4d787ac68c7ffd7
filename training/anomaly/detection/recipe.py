"""What decides a detector, besides the frames that it is trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from training.anomaly.camera_traps import Frame
from training.common.base_network import LITE
from training.common.errors import DataError
from training.common.script import option

STEP = 32  # pixels of the canvas per place of the coarsest map
BASE_NAME = "lite0"
WEIGHTS = "weights/detector.safetensors"
ANIMAL = "animal"  # the one label of a detector that does not tell species apart
OVERLAP = 0.5  # IoU above which the lesser of two detections is dropped
SEQUENCE, LOCATION = "sequence", "location"


@dataclass(frozen=True)
class Recipe:
    """All that decides a detector.

    published: start from ImageNet weights and tune the last `tuned` stages of the base; else all
    layers start at random. stages: of the base, whose maps the pyramid takes. canvas_area in
    pixels; the canvas has the mean shape of the frames. width: channels of the pyramid and the
    heads, a multiple of 32. hold_out: "sequence" or "location".
    """

    published: bool
    stages: tuple[int, ...]
    tuned: int
    canvas_area: int = option(61_440, "pixels of the image that the network sees")
    width: int = 64
    convolutions: int = 2
    epochs: int = option(6, "passes over the training frames")
    batch: int = option(8, "frames in a batch")
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    validation_share: float = option(0.2, "share of the frames that is held out")
    seed: int = option(0, "of the held-out frames, the weights and the augmentation")


PRESETS = {
    "imagenet": Recipe(published=True, stages=(2, 4), tuned=2),
    "small": Recipe(published=False, stages=(2, 3), tuned=8, width=32, epochs=30),
}


def settings_of(recipe: Recipe, canvas: tuple[int, int], labels: Sequence[str]) -> dict[str, Any]:
    """The settings of `Detector`, but for the threshold, which is chosen after training."""
    network: dict[str, Any] = {"name": BASE_NAME, "stages": list(recipe.stages)}
    if recipe.published:
        start = {"base": {**network, "weights": LITE[BASE_NAME].path}}
    else:
        start = {"scratch": network}
    return {
        **start,
        "weights": WEIGHTS,
        "canvas": list(canvas),
        "width": recipe.width,
        "convolutions": recipe.convolutions,
        "labels": list(labels),
        "overlap": OVERLAP,
    }


def canvas_of(frames: Sequence[Frame], area: int) -> tuple[int, int]:
    """Return (width, height) in pixels: the frames' mean shape, about `area`, multiples of 32."""
    shape = float(np.exp(np.mean([np.log(frame.width / frame.height) for frame in frames])))
    sides = (sqrt(area * shape), sqrt(area / shape))
    width, height = (max(STEP, round(side / STEP) * STEP) for side in sides)
    return width, height


def labels_of(frames: Sequence[Frame], by_species: bool) -> list[str]:
    """Return the detector's labels. Raises DataError where the frames have no box."""
    species = sorted({box.species for frame in frames for box in frame.boxes})
    if not species:
        raise DataError("the frames have no box; expected at least one to train on")
    return species if by_species else [ANIMAL]


def label_numbers(frame: Frame, labels: Sequence[str]) -> list[int]:
    """Return the number of each box's label; with the one label "animal" all are 0."""
    if list(labels) == [ANIMAL]:
        return [0] * len(frame.boxes)
    return [labels.index(box.species) for box in frame.boxes]


def without_threshold(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a detector that keeps nearly all it finds, for measuring."""
    return {**settings, "threshold": 0.01}
