"""Images for training an embedding: read once, drawn by class, varied in every batch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from kornia.augmentation import (
    AugmentationSequential,
    ColorJiggle,
    RandomAffine,
    RandomErasing,
    RandomGrayscale,
    RandomRotation90,
)
from numpy.typing import NDArray
from torch import Tensor

from training.common.errors import DataError
from training.reid.database import read_database
from training.reid.images import read_squares
from wildlife_reid.alignment import LandmarkNetwork


@dataclass(frozen=True)
class Variation:
    """The random changes of an image in training.

    mirrored: an image and its mirror image count as two individuals, because a pattern is not its
    own mirror image. rotated: by 90, 180 and 270 degrees too. turn: up to so many degrees. shift
    and zoom: the random crop, as shares of the image's size. jitter: of brightness, contrast and
    saturation, as shares. grey and erased: probabilities.
    """

    mirrored: bool = True
    rotated: bool = False
    turn: float = 20.0
    shift: float = 0.12
    zoom: tuple[float, float] = (0.9, 1.4)
    jitter: float = 0.3
    grey: float = 0.15
    erased: float = 0.3


# For animals that landmarks have brought into one pose.
IN_ONE_POSE = Variation(turn=6, shift=0.05, zoom=(0.93, 1.1), jitter=0.4, grey=0.3)


def with_more(
    squares: Tensor,
    identity: NDArray[np.str_],
    more: Path | None,
    landmarks: LandmarkNetwork | None,
) -> tuple[Tensor, NDArray[np.str_]]:
    """Add a folder `more` of other individuals to squares (n, 3, s, s) of identity (n,).

    Raises DataError where an individual is in both, so that no validation image is trained on.
    """
    if more is None:
        return squares, identity
    others = read_database(more)
    if both := sorted(set(others.identity.tolist()) & set(identity.tolist())):
        raise DataError(f"{more}: expected other individuals than in the data, {both[:5]} are both")
    added = read_squares(others.paths, squares.shape[-1], landmarks)
    return torch.cat([squares, added]), np.concatenate([identity, others.identity])


def augmentation(variation: Variation) -> AugmentationSequential:
    """Vary images (n, 3, s, s) of floats in 0..1; draws from torch's global generator."""
    steps = [
        RandomAffine(
            degrees=variation.turn,
            translate=(variation.shift, variation.shift),
            scale=variation.zoom,
            shear=8.0,
            padding_mode="border",
            p=1.0,
        ),
        ColorJiggle(variation.jitter, variation.jitter, variation.jitter, 0.03, p=0.9),
        RandomGrayscale(p=variation.grey),
        RandomErasing(scale=(0.02, 0.12), p=variation.erased),
    ]
    if variation.rotated:
        steps.insert(0, RandomRotation90(times=(0, 3), p=1.0))
    return AugmentationSequential(*steps, data_keys=["input"])


def classes(identity: NDArray[np.str_], mirrored: bool) -> tuple[Tensor, int]:
    """Class of each image (n,), or with mirror images (2n,), and the number of classes."""
    names, code = np.unique(identity, return_inverse=True)
    labels = torch.from_numpy(code.astype(np.int64))
    if not mirrored:
        return labels, len(names)
    return torch.cat([labels, labels + len(names)]), 2 * len(names)


def draw(images: Tensor, chosen: Tensor) -> Tensor:
    """Pick images (n, 3, s, s) by number, from n on mirror images; as floats in 0..1."""
    mirror = chosen >= len(images)
    drawn = images[chosen % len(images)].float() / 255
    return torch.where(mirror[:, None, None, None], drawn.flip(3), drawn)
