"""Which cameras, sequences and frames there are: the plan of train, development and final."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from . import scene
from .light import TIMES, Light, draw_light
from .objects import OBJECT_SIZE, ODD_OBJECTS
from .places import SIZE, place
from .scene import Actor, Shot
from .species import KNOWN, ODD, UNSEEN, Traits, individual, odd, species_distance
from .sprite import Pose

SEED = 20270701
TASKS = ("train", "development", "final")
TESTS = TASKS[1:]
EMPTY = "empty"

# The cameras of each task, by the kind of place that they look at: no task shares one.
CAMERAS = {
    "train": ("forest", "meadow", "dry", "creek", "rocks", "snow"),
    "development": ("forest", "dry", "snow"),
    "final": ("meadow", "forest", "creek", "rocks"),
}
# Frames of a task: those with nothing but known species, and those with an anomaly.
FRAMES = {"train": (400, 0), "development": (80, 80), "final": (110, 110)}
SHARES = {"deer": 0.22, "boar": 0.18, "fox": 0.16, "hare": 0.14, "pheasant": 0.12,
          "badger": 0.1, "crane": 0.08}  # fmt: skip
EMPTY_EVERY = 7  # sequences without an anomaly; no divisor of it divides the number of cameras
LENGTHS, LENGTH_SHARES = (1, 2, 3, 4), (0.25, 0.35, 0.25, 0.15)


@dataclass(frozen=True)
class PlannedFrame:
    """One frame; `number` names its file, `serial` seeds what is drawn at random."""

    task: str
    camera: int
    kind: str
    sequence: str
    actors: tuple[Actor, ...]
    anomaly: str  # what the anomaly is, "" where the frame has none
    light: Light
    serial: int
    seed: int
    number: int = 0

    @property
    def location(self) -> str:
        return f"camera_{self.camera:02d}"

    @property
    def filename(self) -> str:
        return f"{self.number:06d}.jpg"

    @property
    def species(self) -> str:
        """The anomaly; without one the nearest animal, or EMPTY."""
        nearest = max(self.actors, key=lambda one: one.foot[1], default=None)
        return self.anomaly or (nearest.name if nearest else EMPTY)

    @property
    def distance(self) -> float:
        """How far the strangest animal is from every known species; things are far away."""
        apart = [species_distance(one.traits) if one.traits else 99.0 for one in self.actors]
        return max(apart, default=0.0)

    def shot(self) -> Shot:
        """Draw again with each call; the same bytes for the same Pillow, NumPy and SciPy."""
        rng = np.random.default_rng([self.seed, 3, self.serial])
        return scene.take(place(self.seed, self.camera, self.kind), self.actors, self.light, rng)


@dataclass(frozen=True)
class _Guest:
    """An animal or thing of a sequence, before it has a place."""

    name: str
    traits: Traits | None


def _known(rng: np.random.Generator, name: str) -> _Guest:
    return _Guest(name, individual(KNOWN[name], rng))


def _company(rng: np.random.Generator, shares: Sequence[float]) -> list[_Guest]:
    """One animal, a group of one species, or two species."""
    first, second = rng.choice(list(SHARES), 2, p=shares).tolist()
    count = int(rng.choice([1, 2, 3], p=[0.66, 0.24, 0.1]))
    mixed = rng.random() < 0.45
    return [_known(rng, second if mixed and at else first) for at in range(count)]


def _dealt(options: Sequence[str], seed: int, what: int, task: str, serial: int) -> str:
    """One of the options, each once before one comes again, in an order that says nothing."""
    deal, at = divmod(serial, len(options))
    rng = np.random.default_rng([seed, what, TASKS.index(task), deal])
    return options[int(rng.permutation(len(options))[at])]


def anomalies(task: str) -> list[str]:
    """Return what is dealt as anomalies of a task: half of them are unseen species."""
    changes = [f"{name} ({change})" for change, names in ODD[task].items() for name in names]
    objects = list(ODD_OBJECTS[task])
    return [*changes, *objects * 2, *list(UNSEEN[task]) * 4]


def _anomaly(rng: np.random.Generator, task: str, what: str) -> _Guest:
    """What something looks like that training does not know."""
    if what in ODD_OBJECTS[task]:
        return _Guest(what, None)
    if what in UNSEEN[task]:
        return _Guest(what, individual(UNSEEN[task][what], rng))
    name, change = what.rstrip(")").split(" (")
    return _Guest(name, individual(odd(KNOWN[name], change), rng))


def _spread(rng: np.random.Generator, count: int) -> list[float]:
    """Places along the width, apart from each other, as shares."""
    starts = (np.arange(count) + rng.uniform(0.15, 0.85, count)) / count
    return [float(one) for one in rng.permutation(starts)]


def _actors(
    rng: np.random.Generator, guests: Sequence[_Guest], horizon: int, length: int, night: bool
) -> list[list[Actor]]:
    """Where each guest is in each of `length` frames; a list for each frame."""
    frames: list[list[Actor]] = [[] for _ in range(length)]
    for guest, across in zip(guests, _spread(rng, len(guests)), strict=True):
        half = 0.5 * (guest.traits.size if guest.traits else OBJECT_SIZE)
        y = float(rng.uniform(horizon + 22, SIZE[1] - 20))
        left, seed = bool(rng.random() < 0.5), int(rng.integers(2**31))
        step = float(abs(rng.normal(0, 6))) * (-1 if left else 1) * (guest.traits is not None)
        x = half + across * (SIZE[0] - 2 * half)
        yaw, tilt = float(rng.uniform(0.72, 1.0)), float(rng.normal(0, 0.03))
        for at in range(length):
            pose = Pose(left, float(rng.random()), float(rng.choice([0.0, 0.25, 0.9])
                        + rng.normal(0, 0.08)), yaw, tilt, shine=night)  # fmt: skip
            here = float(np.clip(x + step * at, 0.6 * half, SIZE[0] - 0.6 * half))
            frames[at].append(Actor(guest.name, guest.traits, (here, y), pose, step, seed))
    return frames


def _sequence(
    seed: int, task: str, serial: int, camera: int, kind: str, strange: bool
) -> list[PlannedFrame]:
    """The frames that one passage of animals sets off."""
    rng = np.random.default_rng([seed, 1, TASKS.index(task), serial, strange])
    light = draw_light(rng, _dealt(TIMES, seed, 6, task, serial))
    length = int(rng.choice(LENGTHS, p=LENGTH_SHARES))
    shares = np.array(list(SHARES.values()))
    shares *= np.random.default_rng([seed, 2, camera]).lognormal(0, 0.4, len(shares))
    guests = _company(rng, (shares / shares.sum()).tolist())
    anomaly = ""
    if strange:
        anomaly = _dealt(anomalies(task), seed, 7, task, serial)
        guests[int(rng.integers(len(guests)))] = _anomaly(rng, task, anomaly)
    elif serial % EMPTY_EVERY == EMPTY_EVERY - 1:
        guests = []
    horizon = place(seed, camera, kind).horizon
    name = f"{task} {strange} {serial}"
    return [
        PlannedFrame(task, camera, kind, name, tuple(actors), anomaly, light, 0, seed)
        for actors in _actors(rng, guests, horizon, length, light.infrared)
    ]


def _of_task(seed: int, task: str) -> list[PlannedFrame]:
    first = 1 + sum(len(CAMERAS[other]) for other in TASKS[: TASKS.index(task)])
    plan: list[PlannedFrame] = []
    for strange, wanted in zip((False, True), FRAMES[task], strict=True):
        part: list[PlannedFrame] = []
        serial = 0
        while len(part) < wanted:
            which = serial % len(CAMERAS[task])
            kind = CAMERAS[task][which]
            part += _sequence(seed, task, serial, first + which, kind, strange)
            serial += 1
        plan += part[:wanted]
    return plan


def collection(seed: int = SEED) -> list[PlannedFrame]:
    """Every frame, in the order of the file names, which tells nothing."""
    plan = [one for task in TASKS for one in _of_task(seed, task)]
    numbers = np.random.default_rng([seed, 0]).permutation(len(plan)).tolist()
    renamed = _renamed_sequences(plan, seed)
    numbered = [
        replace(one, serial=serial, number=number, sequence=renamed[one.sequence])
        for serial, (one, number) in enumerate(zip(plan, numbers, strict=True))
    ]
    return sorted(numbered, key=lambda one: one.number)


def _renamed_sequences(plan: Sequence[PlannedFrame], seed: int) -> dict[str, str]:
    """Names of sequences that tell nothing either."""
    old = sorted({one.sequence for one in plan})
    numbers = np.random.default_rng([seed, 5]).permutation(len(old)).tolist()
    return {name: f"sequence_{number:03d}" for name, number in zip(old, numbers, strict=True)}
