"""Which animals and images there are: the plan of train, development and final."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from . import cat, photograph, salamander, turtle
from .photograph import Pattern, Photograph

SEED = 20270601
MORE_SEED = 20270602  # of animals that are in no task and not in the database
MORE_FROM = 1000  # their numbers, so that no name is twice
TASKS = ("train", "development", "final")
TESTS = TASKS[1:]
YEARS = {"train": (2019, 2024), "development": (2024, 2025), "final": (2025, 2026)}

# Train images of each known individual: many of few, few of many, as at a real study site.
IMAGES = (40, 22, 14, 10, 8, 7, 6, 6, 5, 5, 5, *[4] * 5, *[3] * 10, *[2] * 20, *[1] * 32)
# Queries of a task and dataset: of some of the known individuals, and of new ones.
KNOWN = (*[2] * 8, *[1] * 32)
NEW = (4, 3, 3, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1)
NO_DATE, NO_ORIENTATION = 0.08, 0.04  # shares of rows, as in the real table


@dataclass(frozen=True)
class Species:
    """A dataset: its animal's name, the sides it is seen from, its season."""

    name: str
    sides: tuple[str, ...]
    months: tuple[int, int]  # first, and number


DATASETS = {
    "cat": Species("spotted cat", ("left", "right"), (1, 12)),
    "salamander": Species("fire salamander", ("top",), (3, 8)),
    "turtle": Species("sea turtle", ("left", "right"), (5, 6)),
}


@dataclass(frozen=True)
class PlannedImage:
    """One image of one individual; `number` names its file, `serial` seeds what it looks like."""

    dataset: str
    individual: int
    task: str
    new: bool
    side: str
    serial: int
    seed: int
    number: int = 0
    date: str = ""
    orientation: str = ""

    @property
    def identity(self) -> str:
        return f"{self.dataset}_{self.individual:03d}"

    @property
    def filename(self) -> str:
        return f"{self.number:06d}.jpg"

    @property
    def path(self) -> str:
        """Within train/."""
        return f"images/{self.dataset}/{self.filename}"

    def pattern(self) -> Pattern:
        return pattern(self.seed, self.dataset, self.individual, self.side)

    def photograph(self) -> Photograph:
        """Draw again with each call; the same bytes for the same Pillow, NumPy and SciPy."""
        rng = np.random.default_rng([self.seed, 3, self.serial])
        return photograph.take(self.dataset, self.pattern(), self.side, rng)


@lru_cache(maxsize=4096)
def pattern(seed: int, dataset: str, individual: int, side: str) -> Pattern:
    """What an individual wears on a side; left and right differ, as in life."""
    place = list(DATASETS).index(dataset)
    rng = np.random.default_rng([seed, 2, place, individual, ("left", "right", "top").index(side)])
    if dataset == "salamander":
        return salamander.pattern(rng)
    return cat.pattern(rng) if dataset == "cat" else turtle.pattern(rng)


def _sides(species: Species, count: int, rng: np.random.Generator) -> list[str]:
    """Most of an individual's images show one side."""
    if len(species.sides) == 1:
        return [*species.sides] * count
    first = int(rng.integers(2))
    return [species.sides[first ^ int(rng.random() < 0.35)] for _ in range(count)]


def _of_dataset(dataset: str, seed: int) -> list[PlannedImage]:
    """All images of a dataset, without numbers and dates."""
    place = list(DATASETS).index(dataset)
    rng = np.random.default_rng([seed, 1, place])
    total = len(IMAGES) + len(TESTS) * len(NEW)
    names = (rng.permutation(total) + 1).tolist()
    plan: list[PlannedImage] = []

    def add(individual: int, task: str, new: bool, sides: list[str]) -> None:
        for side in sides:
            serial = len(plan) * len(DATASETS) + place
            plan.append(PlannedImage(dataset, individual, task, new, side, serial, seed))

    shown: list[list[str]] = []
    for count in IMAGES:
        shown.append(_sides(DATASETS[dataset], count, rng))
        add(names[len(shown) - 1], "train", False, shown[-1])
    for number, task in enumerate(TESTS):
        some = rng.permutation(len(IMAGES))[: len(KNOWN)]
        for count, k in zip(KNOWN, some.tolist(), strict=True):
            # Only sides that the database shows: the other side of an animal is another pattern.
            add(names[k], task, False, rng.choice(shown[k], count).tolist())
        for at, count in enumerate(NEW):
            name = names[len(IMAGES) + number * len(NEW) + at]
            add(name, task, True, _sides(DATASETS[dataset], count, rng))
    return plan


def _dated(one: PlannedImage, rng: np.random.Generator) -> PlannedImage:
    """With a date in season, and blanks here and there."""
    month, months = DATASETS[one.dataset].months
    low, high = YEARS[one.task]
    day = date(int(rng.integers(low, high)), month, 1) + timedelta(int(rng.integers(30 * months)))
    no_date, no_orientation = rng.random(2) < (NO_DATE, NO_ORIENTATION)
    return replace(
        one, date="" if no_date else day.isoformat(), orientation="" if no_orientation else one.side
    )


def collection(seed: int = SEED) -> list[PlannedImage]:
    """Every image, in the order of the file names, which tells nothing."""
    plan = [one for dataset in DATASETS for one in _of_dataset(dataset, seed)]
    rng = np.random.default_rng([seed, 0])
    numbers = rng.permutation(len(plan)).tolist()
    dated = [replace(_dated(one, rng), number=n) for one, n in zip(plan, numbers, strict=True)]
    return sorted(dated, key=lambda one: one.number)


def more_animals(individuals: int, images: int) -> list[PlannedImage]:
    """Other individuals of each dataset, each with its images, all of one side of it."""
    plan: list[PlannedImage] = []
    for dataset, species in DATASETS.items():
        for number in range(individuals):
            side = species.sides[number % len(species.sides)]
            for _ in range(images):
                serial = len(plan)
                one = PlannedImage(
                    dataset, MORE_FROM + number, "train", False, side, serial, MORE_SEED, serial
                )
                plan.append(replace(one, orientation=side))
    return plan
