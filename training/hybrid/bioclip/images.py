"""Training data of `bioclip.finetune`: views of images, their classes, the order of the rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from training.common.digests import short_digest
from training.hybrid.data import HYBRID as IS_HYBRID
from training.hybrid.data import read_images, read_rows, read_training_table
from wildlife_image.rgb import to_rgb
from wildlife_wings.clip_views import WingViews, square

HYBRID = "hybrid"
PARENTS = ("parent_subspecies_1", "parent_subspecies_2")


@dataclass(frozen=True)
class Labels:
    """Rows of train.csv: `targets` (n, c) teach, and sum to 1; `own` (n,) is the row's class.

    `own` is -1 for a hybrid whose class the head has not; `part` is "validation" where
    balance_classes.py put it there, else "".
    """

    paths: tuple[Path, ...]
    classes: tuple[str, ...]
    own: NDArray[np.int64]
    targets: NDArray[np.float32]
    specimen: NDArray[np.str_]
    view: NDArray[np.str_]
    part: NDArray[np.str_]

    def __getitem__(self, rows: NDArray[np.bool_]) -> Labels:
        paths = tuple(p for p, kept in zip(self.paths, rows.tolist(), strict=True) if kept)
        columns = {
            name: getattr(self, name)[rows]
            for name in ("own", "targets", "specimen", "view", "part")
        }
        return replace(self, paths=paths, **columns)

    @property
    def hybrid(self) -> int | None:
        """Index of the class `hybrid` among the classes; None without such a class."""
        return self.classes.index(HYBRID) if HYBRID in self.classes else None

    @property
    def pure(self) -> NDArray[np.bool_]:
        """Mask (n,), True for the images of subspecies."""
        pure: NDArray[np.bool_] = (self.own >= 0) & (self.own != self.hybrid)
        return pure

    def digest(self) -> str:
        """Return a digest that tells whether two runs saw the same table."""
        names = "\n".join([*map(str, self.paths), *self.classes])
        return short_digest(names, self.targets.tobytes())


def read_labels(folder: Path, soft_parents: bool, hybrid_class: bool = True) -> Labels:
    """Read the table FOLDER/train.csv (training/hybrid/data.py). Raises DataError.

    Classes are the sorted subspecies and then `hybrid`, the class of hybrids. With `soft_parents` a
    hybrid whose parents the table names (parent_subspecies_1 and _2) teaches half of each instead,
    as in the entry of Justin900429; other hybrids still teach the class. `hybrid_class`: keep the
    class where no row teaches it, because synthetic crosses do.
    """
    table = read_training_table(folder)
    _, _, rows = read_rows(folder)
    names = sorted(set(table.subspecies[~table.hybrid].tolist()))
    parents = [_parents(row, names) if soft_parents else None for row in rows]
    taught = [h and not p for h, p in zip(table.hybrid.tolist(), parents, strict=True)]
    classes = [*names, *([HYBRID] if hybrid_class or any(taught) else [])]
    targets = np.zeros((len(rows), len(classes)), np.float32)
    own = np.zeros(len(rows), np.int64)
    for k, (is_hybrid, pair) in enumerate(zip(table.hybrid.tolist(), parents, strict=True)):
        name = HYBRID if is_hybrid else str(table.subspecies[k])
        own[k] = classes.index(name) if name in classes else -1
        for label in pair if is_hybrid and pair else (name,):
            targets[k, classes.index(label)] += 0.5 if is_hybrid and pair else 1.0
    part = np.array([row.get("part") or "" for row in rows])
    return Labels(table.paths, tuple(classes), own, targets, table.specimen, table.view, part)


def _parents(row: Mapping[str, str], names: Sequence[str]) -> tuple[str, ...] | None:
    if not IS_HYBRID[row["hybrid_stat"].strip()]:
        return None
    parents = tuple((row.get(column) or "").strip() for column in PARENTS)
    return parents if all(name in names for name in parents) else None


class Images(Dataset[tuple[Tensor, int]]):
    """Views (v, 3, h, w) as bytes by row, and the row's number; kept in memory if `read` says."""

    def __init__(self, paths: Sequence[Path], views: Tensor | None, square_as: Mapping[str, Any]):
        self.paths, self.views, self.square_as = paths, views, square_as

    def digest(self) -> str:
        """Return a digest that tells whether two runs saw the same pixels in memory."""
        if self.views is None:
            return "read from files"
        return short_digest(self.views.numpy().tobytes())

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        if self.views is not None:
            return self.views[row], row
        with Image.open(self.paths[row]) as image:
            return square(to_rgb(image, 2 * int(self.square_as["resize"])), self.square_as), row


def read_halves(paths: Sequence[Path], cutter: WingViews) -> Tensor:
    """Return views (n, 2, 3, h, w) of images with background.

    Raises DataError naming all unreadable images.
    """
    return torch.stack(read_images(paths, cutter))


def check_readable(paths: Sequence[Path]) -> None:
    """Decode every image, before hours of training. Raises DataError for unreadable ones."""
    read_images(paths, _decode)


def _decode(image: Image.Image) -> None:
    image.draft("RGB", (64, 64))
    image.load()


class Order(Sampler[int]):
    """Rows in an order that depends on seed and epoch alone: a resumed run sees the same batches.

    `balanced`: rows drawn with replacement, so that a class counts by the root of its size; else
    each row once.
    """

    def __init__(self, own: NDArray[np.int64], balanced: bool, seed: int) -> None:
        self.own, self.balanced, self.seed, self.epoch = own, balanced, seed, 0

    def __len__(self) -> int:
        return len(self.own)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 100_003 + self.epoch)
        if not self.balanced:
            return iter(torch.randperm(len(self.own), generator=generator).tolist())
        _, member, count = np.unique(self.own, return_inverse=True, return_counts=True)
        weight = torch.from_numpy(1 / np.sqrt(count[member]))
        return iter(torch.multinomial(weight, len(self.own), True, generator=generator).tolist())
