"""Frames as the detector's training takes them: pixels and targets, varied by a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from training.anomaly.camera_traps import Frame
from training.anomaly.detection.recipe import label_numbers
from wildlife_image.rgb import to_rgb

_GREY = 127  # as around a served image
_SCALES = (0.8, 1.6)  # 1: the whole frame fits the canvas
_LEAST_SIDE = 4  # pixels; what the edge of a canvas leaves of a box


@dataclass(frozen=True)
class Examples:
    """Frames in a folder of images, for a canvas (width, height) and the detector's labels."""

    images: Path
    frames: Sequence[Frame]
    canvas: tuple[int, int]
    labels: Sequence[str]

    def read(self, number: int) -> Image.Image:
        """Return a frame's image: RGB, upright; a large JPEG at no less than twice the canvas."""
        with Image.open(self.images / self.frames[number].file_name) as image:
            return to_rgb(image, 2 * max(self.canvas))

    def varied(self, number: int, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Return bytes (3, h, w) of the canvas, and `boxes` and `labels` on it, by the seed."""
        frame = self.frames[number]
        image = self.read(number)
        scale = image.width / frame.width
        corners = [
            (box.left, box.top, box.left + box.width, box.top + box.height) for box in frame.boxes
        ]
        boxes = tv_tensors.BoundingBoxes(
            torch.tensor(corners).reshape(-1, 4) * scale,
            format="XYXY",
            canvas_size=(image.height, image.width),
        )
        labels = torch.tensor(label_numbers(frame, self.labels), dtype=torch.int64)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            pixels, found = self._variation(image, {"boxes": boxes, "labels": labels})
        return pixels, {"boxes": found["boxes"].as_subclass(Tensor), "labels": found["labels"]}

    def batch(
        self, numbers: Sequence[int], seeds: Sequence[int]
    ) -> tuple[Tensor, list[dict[str, Tensor]]]:
        """Return bytes (n, 3, h, w) and the targets of several frames, each by its own seed."""
        made = [self.varied(number, seed) for number, seed in zip(numbers, seeds, strict=True)]
        return torch.stack([pixels for pixels, _ in made]), [target for _, target in made]

    @cached_property
    def _variation(self) -> v2.Compose:
        size = (self.canvas[1], self.canvas[0])
        return v2.Compose(
            [
                v2.ScaleJitter(size, _SCALES),
                v2.RandomCrop(size, pad_if_needed=True, fill=_GREY),
                v2.RandomHorizontalFlip(),
                v2.RandomPhotometricDistort(),
                v2.RandomGrayscale(0.1),  # as at night
                v2.SanitizeBoundingBoxes(_LEAST_SIDE),
                v2.PILToTensor(),
            ]
        )
