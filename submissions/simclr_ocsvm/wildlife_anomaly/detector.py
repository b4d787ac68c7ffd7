"""Find animals in an image: boxes, scores and labels, by the detector of a submission."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from wildlife_anomaly.detector_network import DetectorNetwork
from wildlife_anomaly.letterbox import Placement, draw, whole
from wildlife_backbone.features import base_path, read_base
from wildlife_backbone.tuned import read_tuned
from wildlife_submission.served_network import ServedNetwork


@dataclass(frozen=True)
class Detection:
    """An animal's box in pixels of the image, how sure the detector is (0 to 1), and its label."""

    left: float
    top: float
    width: float
    height: float
    score: float
    label: str


@dataclass(frozen=True)
class Prepared:
    """An image as the network takes it: bytes (3, h, w), its place there and its own size."""

    pixels: Tensor
    placement: Placement
    size: tuple[int, int]


class Detector:
    """Finds the animals in an image.

    settings: those of `DetectorNetwork`, `threshold`, the least score of a detection, and
    `weights`, the path of the trained tensors in the submission. The network has random weights
    until `read`, or is the given one.
    """

    def __init__(self, settings: Mapping[str, Any], network: DetectorNetwork | None = None) -> None:
        self.settings = dict(settings)
        self.labels = [str(label) for label in settings["labels"]]
        self.threshold = float(settings["threshold"])
        self.network = network or DetectorNetwork(settings)

    def read(self, folder: Path) -> None:
        """Take the weights from a submission's folder: the base's, then what training changed.

        Raises FileNotFoundError, or ValueError where a file is damaged or of another network.
        """
        base = base_path(folder, self.settings)
        from_base = read_base(self.network, base) if base else set[str]()
        read_tuned(self.network, folder / str(self.settings["weights"]), from_base)

    @cached_property
    def _served(self) -> ServedNetwork:
        return ServedNetwork(self.network)

    def detect(self, image: Image.Image) -> list[Detection]:
        """Return the animals in an upright RGB image, the surest first.

        Raises ValueError for an image of another mode.
        """
        return self.detect_batch([self.prepare(image)])[0]

    def prepare(self, image: Image.Image) -> Prepared:
        """Read an upright RGB image for the network. Thread-safe. Raises ValueError."""
        canvas = self.network.canvas
        placement = whole(image.size, canvas)
        pixels = torch.from_numpy(draw(image, placement, canvas)).permute(2, 0, 1)
        return Prepared(pixels, placement, image.size)

    def detect_batch(self, images: Sequence[Prepared]) -> list[list[Detection]]:
        """Return the animals in each image, the surest first."""
        if not images:
            return []
        answers = self._served([image.pixels for image in images])
        found = self.network.detections(answers, self.threshold)
        return [self._in_image(one, image) for one, image in zip(found, images, strict=True)]

    def _in_image(self, found: Mapping[str, Tensor], image: Prepared) -> list[Detection]:
        """Bring the detections of a canvas into pixels of the image; those outside are dropped."""
        place = image.placement
        corners = found["boxes"].numpy().astype(np.float64)
        corners = (corners - [place.left, place.top] * 2) / place.scale
        corners = corners.clip(0, [*image.size] * 2).tolist()
        rows = zip(corners, found["scores"].tolist(), found["labels"].tolist(), strict=True)
        return [
            Detection(left, top, right - left, bottom - top, score, self.labels[label])
            for (left, top, right, bottom), score, label in rows
            if right > left and bottom > top
        ]
