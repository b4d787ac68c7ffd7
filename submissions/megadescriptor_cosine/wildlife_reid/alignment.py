"""An animal in one standard pose, by landmarks that a network finds.

The landmarks are ten points: five along one edge of the animal, head first, and five along the
other. The image between them, stretched to a square, has the pattern at the same place each time.
Coordinates are x, y with -1 and 1 at the edges of the square that the whole image is put on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, grid_sample, interpolate

from wildlife_image.square import normalised, square

ACROSS, ALONG = 2, 5
SIZE = 96  # of the square that the network sees, in pixels
_FINER = 2  # the animal is cut from a square so many times as large
DECODED = 2 * _FINER * SIZE  # what a JPEG may be decoded at, and no less
_WIDTH = 16
_REACH = 1.25  # landmarks may lie as far out


def _layer(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class LandmarkNetwork(nn.Module):
    """(n, 3, SIZE, SIZE) of 0..1 -> (n, 10, 2). Three scales, a map for each landmark, its centre.

    The centre of a map is the mean place under its softmax (integral regression, Sun et al. 2018).
    """

    places: Tensor

    def __init__(self, width: int = _WIDTH) -> None:
        super().__init__()
        w = width
        self.fine = nn.Sequential(_layer(3, w, 2), _layer(w, 2 * w, 2), _layer(2 * w, 2 * w))
        self.middle = nn.Sequential(_layer(2 * w, 4 * w, 2), _layer(4 * w, 4 * w))
        self.coarse = nn.Sequential(
            _layer(4 * w, 6 * w, 2), _layer(6 * w, 6 * w), _layer(6 * w, 6 * w)
        )
        self.to_middle, self.at_middle = nn.Conv2d(6 * w, 4 * w, 1), _layer(4 * w, 4 * w)
        self.to_fine = nn.Conv2d(4 * w, 2 * w, 1)
        self.maps = nn.Sequential(_layer(2 * w, 2 * w), nn.Conv2d(2 * w, ACROSS * ALONG, 1))
        cells = SIZE // 4
        places = ((torch.arange(cells) + 0.5) / cells * 2 - 1) * _REACH
        self.register_buffer("places", places, persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        fine = self.fine((pixels - 0.45) / 0.25)
        middle = self.middle(fine)
        up = interpolate(self.to_middle(self.coarse(middle)), scale_factor=2.0)
        up = interpolate(self.to_fine(self.at_middle(middle + up)), scale_factor=2.0)
        maps = self.maps(fine + up)
        share = maps.flatten(2).softmax(dim=2).view_as(maps)
        across = (share.sum(dim=2) * self.places).sum(dim=2)
        down = (share.sum(dim=3) * self.places).sum(dim=2)
        return torch.stack([across, down], dim=2)


def read_landmark_network(folder: Path, settings: Mapping[str, Any]) -> LandmarkNetwork | None:
    """Read the network that `settings` name; None where they name none: images stay whole.

    Raises FileNotFoundError.
    """
    if not settings.get("landmarks"):
        return None
    path = folder / str(settings["landmarks"])
    if not path.is_file():
        made = "python -m training.reid.landmarks.train, then the training script with --landmarks"
        raise FileNotFoundError(f"{path} not there: make it with {made}")
    network = LandmarkNetwork()
    network.load_state_dict(load_file(path))
    return network.eval()


def unwrapped(canvas: Tensor, landmarks: Tensor, size: int) -> Tensor:
    """Return (n, 3, size, size): the part of each image between its landmarks.

    canvas: (n, 3, s, s) floats; landmarks: (n, 10, 2); size in pixels.
    """
    grid = landmarks.view(-1, ACROSS, ALONG, 2).permute(0, 3, 1, 2)
    finer = (_FINER * size, _FINER * size)
    grid = interpolate(grid, finer, mode="bilinear", align_corners=True).permute(0, 2, 3, 1)
    cut = grid_sample(canvas, grid, padding_mode="border", align_corners=False)
    return avg_pool2d(cut, _FINER)  # so that a large animal is not sampled with gaps


@torch.inference_mode()
def animal_square(
    image: Image.Image, size: int, network: LandmarkNetwork | None
) -> NDArray[np.uint8]:
    """Return (size, size, 3): the animal in one pose; without a network the whole image."""
    if network is None:
        return square(image, size)
    pixels = torch.from_numpy(square(image, _FINER * SIZE)).permute(2, 0, 1)[None].float() / 255
    cut = unwrapped(pixels, network(avg_pool2d(pixels, _FINER)), size)[0]
    square_bytes: NDArray[np.uint8] = (cut * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    return square_bytes


def network_input(
    image: Image.Image, settings: Mapping[str, Any], network: LandmarkNetwork | None
) -> Tensor:
    """Return (3, size, size) by the settings `image_size` (pixels), `mean` and `std`."""
    pixels = torch.from_numpy(animal_square(image, int(settings["image_size"]), network))
    return normalised(pixels.permute(2, 0, 1), settings)


def whole_square(image: Image.Image, settings: Mapping[str, Any]) -> Tensor:
    """Return (3, s, s) bytes of any PIL image for `AlignedNetwork`, which finds the animal in it.

    s is the settings' `image_size` where they name no landmarks, else what these need. Thread-safe.
    """
    size = _FINER * SIZE if settings.get("landmarks") else int(settings["image_size"])
    return torch.from_numpy(square(image, size)).permute(2, 0, 1)


class AlignedNetwork(nn.Module):
    """(n, 3, s, s) of `whole_square` -> the network's answer on each animal in one pose.

    All of `network_input` for a batch: image by image the landmarks take 2.5 times as long, which
    is more than the networks here.
    """

    def __init__(
        self, network: nn.Module, settings: Mapping[str, Any], landmarks: LandmarkNetwork | None
    ) -> None:
        super().__init__()
        self.network, self.landmarks, self.settings = network, landmarks, settings

    def forward(self, squares: Tensor) -> Tensor:
        answer: Tensor = self.network(normalised(self._animals(squares), self.settings))
        return answer

    def _animals(self, squares: Tensor) -> Tensor:
        """(n, 3, size, size) of 0..255, rounded to what `animal_square` keeps."""
        if self.landmarks is None:
            return squares
        pixels = squares.float() / 255
        found = self.landmarks(avg_pool2d(pixels, _FINER)).float()
        return (unwrapped(pixels, found, int(self.settings["image_size"])) * 255).round()
