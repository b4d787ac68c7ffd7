"""Which images there are: the plan of train with its dirt, development and final."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from . import dirt
from .families import FAMILIES, TAXONOMY, draw_traits
from .photograph import Shot, draw_shot, take

SEED = 20271101
TASKS = ("train", "development", "final")
TESTS = TASKS[1:]
NO_PHYLUM = 0.04  # share of the rows of metadata.csv
GOOD_CMYK = 2  # clean train images in CMYK, as printers deliver them
# Clean images of a family in a test, from the rarest to the most frequent of train.
_TEST_IMAGES = (5, 11)


@dataclass(frozen=True)
class PlannedImage:
    """One image.

    family: what its row says; shown: the family that was drawn, "" for none; dirt: "" or a kind of
    dirt.COUNTS; serial: seeds what it looks like; copy_of: serial and shown family of the image
    that a near duplicate repeats; number: names the file.
    """

    task: str
    family: str
    shown: str
    dirt: str
    serial: int
    copy_of: int = -1
    cmyk: bool = False
    phylum_known: bool = True
    number: int = 0

    @property
    def filename(self) -> str:
        return f"{self.number:06d}.jpg"

    @property
    def phylum(self) -> str:
        return TAXONOMY[self.family]

    def traits(self) -> dict[str, float]:
        """Return the traits of the animal that was drawn."""
        return draw_traits(self.shown, np.random.default_rng([SEED, 1, self.serial]))

    def jpeg(self) -> bytes:
        """Draw again with each call; the same bytes for the same Pillow and NumPy."""
        image, quality = self._drawn()
        buffer = io.BytesIO()
        subsampling = "4:4:4" if image.mode == "CMYK" else "4:2:0"
        options = {} if image.mode == "L" else {"subsampling": subsampling}
        image.save(buffer, "JPEG", quality=quality, optimize=True, **options)
        return buffer.getvalue()

    def _drawn(self) -> tuple[Image.Image, int]:
        if self.copy_of >= 0:
            original = replace(self, serial=self.copy_of, copy_of=-1, dirt="")
            rng = np.random.default_rng([SEED, 3, self.serial])
            return dirt.near_duplicate(Image.open(io.BytesIO(original.jpeg())), rng)
        rng = np.random.default_rng([SEED, 2, self.serial])
        shot = draw_shot(rng)
        return self._taken(shot, rng), shot.quality

    def _taken(self, shot: Shot, rng: np.random.Generator) -> Image.Image:
        if self.dirt == dirt.TEXT:
            return dirt.text_page(shot.size, rng)
        if self.dirt == dirt.MAP:
            return dirt.distribution_map(shot.size, rng)
        if self.dirt == dirt.PERSON:
            return dirt.person(shot, rng)
        if self.dirt == dirt.SKETCH:
            return dirt.sketch(self.shown, self.traits(), shot.size, rng)
        image = take(self.shown, self.traits(), shot, rng)
        if self.dirt == dirt.NEGATIVE:
            return dirt.negative(image)
        return image.convert("CMYK") if self.cmyk else image


def _clean(task: str, family: str, count: int) -> list[PlannedImage]:
    return [PlannedImage(task, family, family, "", 0)] * count


def test_images(family: str) -> int:
    """Return how many images of a family a test has: more of those that are frequent in train."""
    counts = [one.images for one in FAMILIES.values()]
    share = (FAMILIES[family].images - min(counts)) / (max(counts) - min(counts))
    low, high = _TEST_IMAGES
    return round(low + share * (high - low))


def _dirty(rng: np.random.Generator) -> list[PlannedImage]:
    """All dirt but near duplicates; a frequent family gets more of it, as of everything."""
    names = list(FAMILIES)
    weights = np.array([one.images for one in FAMILIES.values()], dtype=float)
    plan = []
    for kind, count in dirt.COUNTS.items():
        if kind == dirt.DUPLICATE:
            continue
        for family in rng.choice(names, count, p=weights / weights.sum()):
            name = str(family)
            shown = {dirt.MISLABELLED: dirt.other_family(name, rng), dirt.SKETCH: name}
            shown[dirt.NEGATIVE] = name
            plan.append(PlannedImage("train", name, shown.get(kind, ""), kind, 0))
    return plan


def _duplicates(clean: list[PlannedImage], rng: np.random.Generator) -> list[PlannedImage]:
    chosen = rng.choice(len(clean), dirt.COUNTS[dirt.DUPLICATE], replace=False)
    return [
        replace(clean[k], dirt=dirt.DUPLICATE, copy_of=clean[k].serial, serial=100_000 + n)
        for n, k in enumerate(chosen.tolist())
    ]


def collection() -> list[PlannedImage]:
    """Return every image, in the order of the file names, which tells nothing."""
    rng = np.random.default_rng([SEED, 0])
    plan = [
        one for name, family in FAMILIES.items() for one in _clean("train", name, family.images)
    ]
    for task in TESTS:
        plan += [one for name in FAMILIES for one in _clean(task, name, test_images(name))]
    plan = [replace(one, serial=serial) for serial, one in enumerate(plan)]
    train = [one for one in plan if one.task == "train"]
    printed = {train[k].serial for k in rng.choice(len(train), GOOD_CMYK, replace=False)}
    plan = [replace(one, cmyk=one.serial in printed) for one in plan]
    dirty = _dirty(rng)
    plan += [replace(one, serial=len(plan) + k) for k, one in enumerate(dirty)]
    plan += _duplicates([one for one in train if one.serial not in printed], rng)
    numbers = rng.permutation(len(plan)).tolist()
    known = (rng.random(len(plan)) >= NO_PHYLUM).tolist()
    placed = [
        replace(one, number=number, phylum_known=tells)
        for one, number, tells in zip(plan, numbers, known, strict=True)
    ]
    return sorted(placed, key=lambda one: one.number)
