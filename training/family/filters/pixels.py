"""Images as batches of tensors for the networks of filters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from training.common.images import read_each
from wildlife_image.rgb import to_rgb

BATCH = 32


def batches(paths: Sequence[Path], side: int) -> Iterator[Tensor]:
    """Yield (at most 32, 3, side, side), -1..1. Raises DataError naming unreadable images."""

    def square(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        small = to_rgb(image, at_least=side).resize((side, side), Image.Resampling.BICUBIC)
        return np.asarray(small, dtype=np.float32) / 127.5 - 1

    for start in range(0, len(paths), BATCH):
        read = read_each(paths[start : start + BATCH], square, "filtered")
        yield torch.from_numpy(np.stack(read)).permute(0, 3, 1, 2)
