"""Which specimens there are: the plan of train, development and final, before any drawing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import genetics
from .genetics import SUBSPECIES, Genotype
from .phenotype import phenotype
from .photograph import jpeg

SEED = 20270301

SIGNAL = ("gemmata", "flammata")
MIMIC = ("pseudogemma", "pseudoflamma")
UNSEEN = (
    ("lunaria", "nivosa"),
    ("citrina", "cyanea"),
    ("radiosa", "ardens"),
    ("duplex", "ardens"),
    ("rubescens", "citrina"),
)


@dataclass(frozen=True)
class Counts:
    """How many images of each kind a task holds."""

    pure: dict[str, int]
    hybrids: dict[tuple[str, str], int]


# Unbalanced, like the real challenge's table, where one subspecies is 41 % of train; but none is
# rarer than 24, because a class of two images would make this small test set a lottery.
TASKS: dict[str, Counts] = {
    "train": Counts(
        pure={
            "gemmata": 140,
            "lunaria": 96,
            "flammata": 74,
            "rubescens": 52,
            "cyanea": 46,
            "citrina": 42,
            "radiosa": 36,
            "ardens": 28,
            "duplex": 26,
            "nivosa": 24,
        },
        hybrids={SIGNAL: 36},
    ),
    "development": Counts(
        pure={
            "gemmata": 27,
            "flammata": 17,
            "lunaria": 9,
            "rubescens": 8,
            "cyanea": 6,
            "citrina": 6,
            "radiosa": 5,
            "ardens": 4,
            "duplex": 4,
            "nivosa": 4,
            "pseudogemma": 28,
            "pseudoflamma": 22,
        },
        hybrids={SIGNAL: 30, **dict.fromkeys(UNSEEN, 8), MIMIC: 30},
    ),
    "final": Counts(
        pure={
            "gemmata": 26,
            "flammata": 18,
            "lunaria": 8,
            "rubescens": 8,
            "cyanea": 7,
            "citrina": 6,
            "radiosa": 5,
            "ardens": 4,
            "duplex": 4,
            "nivosa": 4,
            "pseudogemma": 27,
            "pseudoflamma": 23,
        },
        hybrids={SIGNAL: 30, **dict.fromkeys(UNSEEN, 8), MIMIC: 30},
    ),
}


@dataclass(frozen=True)
class Specimen:
    """One museum specimen and its one image."""

    cam_id: str
    task: str
    parents: tuple[str, ...]  # one name for a pure specimen, two for a hybrid
    genotype: Genotype
    serial: int  # seeds its photograph

    @property
    def filename(self) -> str:
        return f"{self.cam_id}.jpg"

    @property
    def hybrid(self) -> bool:
        return len(self.parents) == 2

    @property
    def group(self) -> str:
        """`major`, `minor` or `mimic`."""
        if SUBSPECIES[self.parents[0]].species == "B":
            return "mimic"
        return "major" if set(self.parents) <= set(SIGNAL) else "minor"

    def image(self) -> bytes:
        """The JPEG file; the same bytes each time for the same Pillow and NumPy."""
        look = phenotype(self.genotype, SUBSPECIES[self.parents[0]].species)
        return jpeg(look, np.random.default_rng([SEED, 2, self.serial]))


def _cross(pair: tuple[str, ...], turn: int, rng: np.random.Generator) -> Genotype:
    """F1, backcross to one parent and to the other in turn, so that tasks are equally hard."""
    first, second = (SUBSPECIES[name] for name in pair)
    if turn % 3 == 0:
        return genetics.first_generation(first, second, rng)
    if turn % 3 == 1:
        return genetics.backcross(first, second, rng)
    return genetics.backcross(second, first, rng)


def _genotypes(counts: Counts, rng: np.random.Generator) -> list[tuple[tuple[str, ...], Genotype]]:
    """The parents and the genotype of each specimen of a task."""
    drawn: list[tuple[tuple[str, ...], Genotype]] = []
    for name, count in counts.pure.items():
        drawn += [((name,), genetics.pure(SUBSPECIES[name], rng)) for _ in range(count)]
    for pair, count in counts.hybrids.items():
        drawn += [(pair, _cross(pair, turn, rng)) for turn in range(count)]
    return drawn


def collection() -> list[Specimen]:
    """All specimens, sorted by catalogue number within a task.

    The numbers are drawn without replacement over all tasks and dealt at random, so neither a
    number nor the order of names says anything about a class.
    """
    rng = np.random.default_rng([SEED, 1])
    drawn = [
        (task, parents, genotype)
        for task, counts in TASKS.items()
        for parents, genotype in _genotypes(counts, rng)
    ]
    numbers = 8000 + rng.permutation(38000)[: len(drawn)]
    specimens = [
        Specimen(f"CAM{number:06d}", task, parents, genotype, serial)
        for serial, ((task, parents, genotype), number) in enumerate(
            zip(drawn, numbers, strict=True)
        )
    ]
    order = {task: place for place, task in enumerate(TASKS)}
    return sorted(specimens, key=lambda one: (order[one.task], one.cam_id))
