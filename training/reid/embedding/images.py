"""Pictures for training an embedding: read once, varied in every batch, drawn M x K."""

from __future__ import annotations

from collections.abc import Sequence
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
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from training.common.errors import DataError
from training.reid.database import read_database
from wildlife_reid.alignment import LandmarkNetwork, animal_square


@dataclass(frozen=True)
class Variation:
    """How a picture may differ from itself.

    mirrored: a picture and its mirror image are two individuals, which doubles them: a pattern is
    not its own mirror image. rotated: by 90, 180, 270 degrees too. turn in degrees; zoom and shift
    are the random crop, in shares of the side; jitter of brightness, contrast and saturation.
    """

    mirrored: bool = True
    rotated: bool = False
    turn: float = 20.0
    shift: float = 0.12
    zoom: tuple[float, float] = (0.9, 1.4)
    jitter: float = 0.3
    grey: float = 0.15
    erased: float = 0.3


def read_squares(
    paths: Sequence[Path], side: int, landmarks: LandmarkNetwork | None = None
) -> Tensor:
    """(n, 3, side, side) bytes, the animal in the standard pose where a network finds landmarks.

    Raises DataError with all pictures that cannot be read.
    """
    squares, problems = [], []
    for path in paths:
        try:
            with Image.open(path) as image:
                squares.append(animal_square(image, side, landmarks))
        except (OSError, UnidentifiedImageError, ValueError, SyntaxError) as error:
            problems.append(f"{path}: cannot be read as a picture: {error}")
    if problems:
        raise DataError("\n".join(problems))
    return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).contiguous()


def with_more(
    squares: Tensor,
    identity: NDArray[np.str_],
    more: Path | None,
    landmarks: LandmarkNetwork | None,
) -> tuple[Tensor, NDArray[np.str_]]:
    """Pictures (n, 3, side, side) and identity (n,) of a database, and of a folder with others.

    Raises DataError where an individual is in both, so that none that is kept back is trained on.
    """
    if more is None:
        return squares, identity
    others = read_database(more)
    if both := sorted(set(others.identity.tolist()) & set(identity.tolist())):
        raise DataError(f"{more}: expected other individuals than in the data, {both[:5]} are both")
    found = read_squares(others.paths, squares.shape[-1], landmarks)
    return torch.cat([squares, found]), np.concatenate([identity, others.identity])


def augmentation(variation: Variation) -> AugmentationSequential:
    """Of (n, 3, side, side) floats in 0..1; draws from torch's global generator."""
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
    """Class of each picture (n,), then, if `mirrored`, of each mirror image (2n,); their number."""
    names, code = np.unique(identity, return_inverse=True)
    labels = torch.from_numpy(code.astype(np.int64))
    if not mirrored:
        return labels, len(names)
    return torch.cat([labels, labels + len(names)]), 2 * len(names)


def draw(pictures: Tensor, chosen: Tensor) -> Tensor:
    """Pictures (n, 3, s, s) by number; n and more are mirror images. Floats in 0..1."""
    mirror = chosen >= len(pictures)
    found = pictures[chosen % len(pictures)].float() / 255
    return torch.where(mirror[:, None, None, None], found.flip(3), found)
