"""Images with their wing masks, small and in memory, for training the wing network.

The mask of `a/b.jpg` is `a/b_mask.png`, in the masks folder or next to the image, as large as the
image. It is binary (0 and 1, or 0 and 255), or it holds part labels as published: 1 to 4 are the
wings, 5 to 9 ruler, white balance, label, colour card and body, which are no wings.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from training.common.digests import short_digest
from training.common.errors import FolderError
from training.common.images import MASK_END, UNREADABLE, list_images, upright_size
from training.hybrid.split import specimen_column
from wildlife_image.rgb import to_rgb
from wildlife_wings.unet import small_rgb

WING_LABELS = (1, 2, 3, 4)
_LARGEST_LABEL = 9


@dataclass(frozen=True)
class WingPairs:
    """Images (n, 3, s, s) and masks (n, 1, s, s), both bytes; masks are 0 and 1."""

    names: tuple[str, ...]
    specimens: tuple[str, ...]
    images: Tensor
    masks: Tensor

    def digest(self) -> str:
        """Return a digest that tells whether two runs saw the same names and pixels."""
        names = "\n".join(self.names + self.specimens)
        return short_digest(names, self.images.numpy().tobytes(), self.masks.numpy().tobytes())


def read_pairs(images: Path, masks: Path, image_size: int, table: Path | None) -> WingPairs:
    """Read all images below `images` with their masks at `image_size` pixels, aspect not kept.

    `table` is a CSV with filename and specimen (or CAMID); without one, each image is a specimen
    of its own. Raises FolderError with everything that is wrong.
    """
    paths = list_images(images)
    problems = _shared_masks(paths)
    specimens, unnamed = _specimens(paths, table)
    problems += unnamed
    inputs, wings = [], []
    for path in paths:
        try:
            with Image.open(images / path) as image:
                size = upright_size(image)
                inputs.append(small_rgb(to_rgb(image, at_least=2 * image_size), image_size))
            wings.append(
                _small_mask(masks / path.with_name(path.stem + MASK_END), size, image_size)
            )
        except UNREADABLE as error:
            problems.append(f"{path}: {error}")
    if problems:
        head = f"{images}, masks in {masks}: {len(problems)} problem(s), nothing was trained"
        raise FolderError("\n  ".join([head, *problems]))
    names = tuple(path.as_posix() for path in paths)
    return WingPairs(names, specimens, torch.stack(inputs), torch.stack(wings))


def wing_pixels(values: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where a mask of grey values (h, w) says wing.

    Raises ValueError for values of no known kind.
    """
    distinct = np.unique(values).tolist()
    if set(distinct) <= {0, 255}:
        return np.asarray(values == 255)
    if max(distinct) <= _LARGEST_LABEL:
        return np.isin(values, WING_LABELS)
    shown = ", ".join(map(str, distinct[:8])) + (", ..." if len(distinct) > 8 else "")
    raise ValueError(f"mask values are {shown}; expected 0 and 255, or part labels 0 to 9")


def _small_mask(path: Path, size: tuple[int, int], image_size: int) -> Tensor:
    if not path.is_file():
        raise ValueError(f"{path.name} is missing; training/hybrid/masks/teacher.py makes masks")
    with Image.open(path) as image:
        if image.size != size:
            raise ValueError(
                f"{path.name} is {image.width} x {image.height}, "
                f"but the image is {size[0]} x {size[1]}; make the mask again"
            )
        # A palette's indices are the labels; converted to grey they would be colours.
        values = np.asarray(image if image.mode == "P" else image.convert("L"))
    white = Image.fromarray(wing_pixels(values).astype(np.uint8) * 255)
    small = white.resize((image_size, image_size), Image.Resampling.BILINEAR)
    return torch.from_numpy((np.asarray(small) >= 128).astype(np.uint8))[None]


def _shared_masks(paths: list[Path]) -> list[str]:
    stems = Counter(path.with_suffix("") for path in paths)
    return [f"{stem}.*: {n} images would share a mask" for stem, n in stems.items() if n > 1]


def _specimens(paths: list[Path], table: Path | None) -> tuple[tuple[str, ...], list[str]]:
    if table is None:
        return tuple(path.as_posix() for path in paths), []
    if not table.is_file():
        return (), [f"table {table} is missing"]
    with table.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        columns = reader.fieldnames or []
        rows = list(reader)
    if "filename" not in columns:
        return (), [f"table {table} has no column filename; found {list(columns)}"]
    column = specimen_column(columns)
    known = {row["filename"]: row[column] for row in rows}
    unknown = [
        f"{path}: not in the table {table}" for path in paths if path.as_posix() not in known
    ]
    return tuple(known.get(path.as_posix(), "") for path in paths), unknown
