"""Make a data set of at least N images per class, the missing ones by augmentation.

    python -m training.hybrid.balance_classes --data DIR --out FOLDER
    python -m training.hybrid.balance_classes --data DIR --out FOLDER --fewest 1000 --size 256 \\
        --seed 0

DIR holds train.csv and images/ (training/hybrid/data.py); classes are the subspecies and `hybrid`.
FOLDER gets images/ and train.csv: the columns of the original table, and `class`, `part` (training
or validation), `synthetic` (0 or 1), `source` (the original's filename). Every image is SIZE x
SIZE, aspect not kept, original or synthetic, so that no class is told by its resolution.

Validation images are chosen first, by specimen and class, and are never augmented. A class of one
specimen has no validation images; all its copies are of its few images, and a line says so.
The same command gives the same bytes, whole or resumed; train.csv is written last.

The operations, their limits and probabilities are those of team henryliao85 in the HDR butterfly
challenge (2025), with Albumentations: RandomRotate90 .5, HorizontalFlip .5, VerticalFlip .2,
ElasticTransform .2, GridDistortion .2, OpticalDistortion .2, RandomBrightnessContrast .5,
HueSaturationValue .3, RGBShift .3, MotionBlur .2, MedianBlur .2, Blur .2, RandomGamma .3. Two
arguments are gone from Albumentations 2: `alpha_affine` (30 pixels; Affine .2 with a similar reach
stands for it) and `shift_limit`. Copies are spread evenly over a class here; there, each image
got as many, rounded up, and a class that had enough got one more of each.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import os
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track

from training.common import script
from training.common.atomic import write_text
from training.common.console import say
from training.common.errors import DataError
from training.common.images import UNREADABLE, claim, save_image
from training.hybrid.data import HYBRID, read_rows
from training.hybrid.split import specimen_column, validation_specimens
from wildlife_image.rgb import to_rgb

NEEDED = ("filename", "hybrid_stat", "subspecies")
ADDED = ("class", "part", "synthetic", "source")
TRAINING, VALIDATION = "training", "validation"


@dataclass(frozen=True)
class Original:
    """A row of the table, its class and its specimen."""

    row: Mapping[str, str]
    label: str
    specimen: str

    @property
    def name(self) -> str:
        return self.row["filename"]

    @property
    def stem(self) -> str:
        return Path(self.name).with_suffix("").as_posix()


@dataclass(frozen=True)
class Planned:
    """An image to write.

    `copy` is 0 for the original itself, else the number of its augmentation.
    """

    original: Original
    part: str
    copy: int = 0

    @property
    def filename(self) -> str:
        return self.original.stem + (f"_copy{self.copy:04d}" if self.copy else "") + ".png"

    def table_row(self) -> dict[str, str]:
        added = (self.original.label, self.part, str(int(self.copy > 0)), self.original.name)
        return {
            **self.original.row,
            "filename": self.filename,
            **dict(zip(ADDED, added, strict=True)),
        }


def read_originals(folder: Path) -> list[Original]:
    """Read the rows of FOLDER/train.csv. Raises DataError with all that is wrong."""
    table, columns, rows = read_rows(folder)
    missing = [name for name in NEEDED if name not in columns]
    taken = [name for name in ADDED if name in columns]
    if missing or taken:
        raise DataError(f"{table}: columns {missing} are missing, {taken} are not to be there yet")
    specimen = specimen_column(columns)
    originals = [Original(row, _label(row), row[specimen]) for row in rows]
    problems = [*_problems(originals, folder / "images")]
    if problems:
        head = f"{table}: {len(problems)} problem(s), nothing was written"
        raise DataError("\n  ".join([head, *problems]))
    return originals


def _label(row: Mapping[str, str]) -> str:
    hybrid = HYBRID.get((row["hybrid_stat"] or "").strip())
    return "hybrid" if hybrid else "" if hybrid is None else (row["subspecies"] or "").strip()


def _problems(originals: list[Original], images: Path) -> Iterable[str]:
    if not originals:
        yield "no rows"
    classes: dict[str, set[str]] = defaultdict(set)
    for line, original in enumerate(originals, start=2):
        classes[original.specimen].add(original.label)
        if not original.label:
            stat = original.row["hybrid_stat"]
            yield f"line {line}: hybrid_stat {stat!r} without a class ({original.name})"
        if not original.name or not (images / original.name).is_file():
            yield f"line {line}: image {original.name!r} is not in {images}"
    for stem, count in Counter(original.stem for original in originals).items():
        if count > 1:
            yield f"images {stem!r}: {count} rows would be written under one name"
    for specimen, labels in classes.items():
        if len(labels) > 1:
            yield f"specimen {specimen!r} is in several classes: {', '.join(sorted(labels))}"


def plan(originals: list[Original], fewest: int, share: float, seed: int) -> list[Planned]:
    """Return every image of the new data set: originals, then copies of training images only."""
    classes: dict[str, list[Original]] = defaultdict(list)
    for original in originals:
        classes[original.label].append(original)
    planned: list[Planned] = []
    for label in sorted(classes):
        members = classes[label]
        outside = validation_specimens([m.specimen for m in members], share, seed)
        training = [m for m in members if m.specimen not in outside]
        copies = max(0, fewest - len(training))
        planned += [Planned(m, VALIDATION if m.specimen in outside else TRAINING) for m in members]
        planned += [
            Planned(training[i % len(training)], TRAINING, i // len(training) + 1)
            for i in range(copies)
        ]
        note = "" if outside else "; only one specimen, so no validation images"
        say(
            f"class {label}: {len(training)} to train + {copies} copies, "
            f"{len(members) - len(training)} to validate{note}"
        )
    return sorted(planned, key=lambda p: p.copy > 0)


def augmentation() -> Any:
    """Return the published operations (see above), to be seeded again for each copy."""
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else the import asks the network
    import albumentations as alb  # type: ignore[import-untyped]
    import cv2

    edge = {"border_mode": cv2.BORDER_REFLECT_101}
    return alb.Compose(
        [
            alb.RandomRotate90(p=0.5),
            alb.HorizontalFlip(p=0.5),
            alb.VerticalFlip(p=0.2),
            alb.ElasticTransform(alpha=0.5, sigma=30, p=0.2, **edge),
            alb.Affine(
                scale=(0.9, 1.1), shear=(-8, 8), translate_percent=(-0.06, 0.06), p=0.2, **edge
            ),
            alb.GridDistortion(num_steps=4, distort_limit=0.1, p=0.2, **edge),
            alb.OpticalDistortion(distort_limit=0.02, p=0.2, **edge),
            alb.RandomBrightnessContrast(brightness_limit=0.1, contrast_limit=0.1, p=0.5),
            alb.HueSaturationValue(
                hue_shift_limit=10, sat_shift_limit=10, val_shift_limit=10, p=0.3
            ),
            alb.RGBShift(r_shift_limit=10, g_shift_limit=10, b_shift_limit=10, p=0.3),
            alb.MotionBlur(blur_limit=3, p=0.2),
            alb.MedianBlur(blur_limit=3, p=0.2),
            alb.Blur(blur_limit=3, p=0.2),
            alb.RandomGamma(gamma_limit=(90, 110), p=0.3),
        ]
    )


def write_images(planned: list[Planned], images: Path, out: Path, size: int, seed: int) -> None:
    """Write the missing images of `out`. Raises DataError naming every unreadable original."""
    augment = augmentation()
    by_original: dict[str, list[Planned]] = defaultdict(list)
    for image in planned:
        if not (out / image.filename).is_file():
            by_original[image.original.name].append(image)
    problems = []
    for name in track(sorted(by_original), "Writing images", console=Console(stderr=True)):
        try:
            with Image.open(images / name) as image:
                upright = to_rgb(image, at_least=2 * size)
        except UNREADABLE as error:
            problems.append(f"{name} cannot be read: {error}")
            continue
        square = upright.resize((size, size), Image.Resampling.BICUBIC)
        for image in by_original[name]:
            save_image(_version(square, image, augment, seed), out / image.filename)
    if problems:
        head = f"{images}: {len(problems)} problem(s); fix them and run the command again"
        raise DataError("\n  ".join([head, *problems]))


def _version(square: Image.Image, image: Planned, augment: Any, seed: int) -> Image.Image:
    if not image.copy:
        return square
    # A seed of its own for each copy: a resumed run, or a larger N, makes the same images.
    name = f"{seed} {image.filename}".encode()
    start = int.from_bytes(hashlib.sha256(name).digest()[:4], "big")
    # Not `set_random_seed`: it gives each operation the same numbers, so that they would act
    # together or not at all, and a third of the copies would be plain originals.
    augment.set_random_state(np.random.default_rng(start), random.Random(start))
    return Image.fromarray(augment(image=np.asarray(square))["image"])


def write_table(planned: list[Planned], path: Path) -> None:
    """Write the table of the new data set, by way of a temporary file."""
    text = io.StringIO()
    rows = [image.table_row() for image in planned]
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, balance the classes and return the exit status."""
    parser = script.parser("training.hybrid.balance_classes", "At least N images per class.")
    parser.add_argument("--data", type=Path, required=True, help="train.csv and images/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--fewest", type=int, default=1000, help="training images per class")
    parser.add_argument("--validation-share", type=float, default=0.2, help="share for validation")
    parser.add_argument("--size", type=int, default=256, help="pixels of each side")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    if options.fewest < 1 or options.size < 16 or not 0 <= options.validation_share < 1:
        parser.error(
            "expected --fewest >= 1, --size >= 16 and --validation-share from 0 to below 1"
        )
    settings = {
        "size": options.size,
        "seed": options.seed,
        "validation_share": options.validation_share,
    }
    return script.run(options, lambda: balance(options, settings))


def balance(options: argparse.Namespace, settings: Any) -> int:
    """Write the balanced images and their table."""
    planned = plan(
        read_originals(options.data), options.fewest, options.validation_share, options.seed
    )
    claim(options.out, "balance_classes", {**settings, "data": _digest(options.data)})
    write_images(
        planned, options.data / "images", options.out / "images", options.size, options.seed
    )
    write_table(planned, options.out / "train.csv")
    say(f"{options.out / 'train.csv'}: {len(planned)} images")
    return 0


def _digest(data: Path) -> str:
    return hashlib.sha256((data / "train.csv").read_bytes()).hexdigest()


if __name__ == "__main__":
    raise SystemExit(main())
