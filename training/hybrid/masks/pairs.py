"""Pictures with their wing masks, small and in memory, for training the wing network.

The mask of `a/b.jpg` is `a/b_mask.png`, in the masks folder or beside the picture, as large as the
picture. It is binary (0 and 1, or 0 and 255), or it holds part labels as published: 1 to 4 are the
wings, 5 to 9 ruler, white balance, label, colour card and body, which are no wings.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from training.common.errors import FolderError
from training.common.images import MASK_END, UNREADABLE, list_pictures, upright_size
from training.hybrid.split import specimen_column
from wildlife_image.rgb import to_rgb
from wildlife_wings.unet import small_rgb

WING_LABELS = (1, 2, 3, 4)
_LARGEST_LABEL = 9


@dataclass(frozen=True)
class WingPairs:
    """Pictures (n, 3, s, s) and masks (n, 1, s, s), both bytes; masks are 0 and 1."""

    names: tuple[str, ...]
    specimens: tuple[str, ...]
    pictures: Tensor
    masks: Tensor

    def digest(self) -> str:
        """Tells whether two runs saw the same names and pixels."""
        found = hashlib.sha256("\n".join(self.names + self.specimens).encode())
        for tensor in (self.pictures, self.masks):
            found.update(tensor.numpy().tobytes())
        return found.hexdigest()[:16]


def read_pairs(images: Path, masks: Path, side: int, table: Path | None) -> WingPairs:
    """All pictures below `images` with their masks at `side` pixels, aspect not kept.

    `table` is a CSV with filename and specimen (or CAMID); without one, each picture is a specimen
    of its own. Raises FolderError with everything that is wrong.
    """
    paths = list_pictures(images)
    problems = _shared_masks(paths)
    specimens, unnamed = _specimens(paths, table)
    problems += unnamed
    pictures, cut = [], []
    for path in paths:
        try:
            with Image.open(images / path) as image:
                size = upright_size(image)
                pictures.append(small_rgb(to_rgb(image, at_least=2 * side), side))
            cut.append(_small_mask(masks / path.with_name(path.stem + MASK_END), size, side))
        except UNREADABLE as error:
            problems.append(f"{path}: {error}")
    if problems:
        head = f"{images}, masks in {masks}: {len(problems)} problem(s), nothing was trained"
        raise FolderError("\n  ".join([head, *problems]))
    names = tuple(path.as_posix() for path in paths)
    return WingPairs(names, specimens, torch.stack(pictures), torch.stack(cut))


def wing_pixels(values: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where a mask's grey values (h, w) say wing. Raises ValueError for values of no known kind."""
    found = np.unique(values).tolist()
    if set(found) <= {0, 255}:
        return np.asarray(values == 255)
    if max(found) <= _LARGEST_LABEL:
        return np.isin(values, WING_LABELS)
    shown = ", ".join(map(str, found[:8])) + (", ..." if len(found) > 8 else "")
    raise ValueError(f"mask values are {shown}; expected 0 and 255, or part labels 0 to 9")


def _small_mask(path: Path, size: tuple[int, int], side: int) -> Tensor:
    if not path.is_file():
        raise ValueError(f"{path.name} is missing; training/hybrid/masks/teacher.py makes masks")
    with Image.open(path) as image:
        if image.size != size:
            raise ValueError(
                f"{path.name} is {image.width} x {image.height}, "
                f"but the picture is {size[0]} x {size[1]}; make the mask anew"
            )
        # A palette's indices are the labels; converted to grey they would be colours.
        values = np.asarray(image if image.mode == "P" else image.convert("L"))
    white = Image.fromarray(wing_pixels(values).astype(np.uint8) * 255)
    small = white.resize((side, side), Image.Resampling.BILINEAR)
    return torch.from_numpy((np.asarray(small) >= 128).astype(np.uint8))[None]


def _shared_masks(paths: list[Path]) -> list[str]:
    stems = Counter(path.with_suffix("") for path in paths)
    return [f"{stem}.*: {n} pictures would share a mask" for stem, n in stems.items() if n > 1]


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
