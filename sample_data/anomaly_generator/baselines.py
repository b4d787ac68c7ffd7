"""Reference values: what raw pixels reach, and what knowing each animal's traits would.

Run by `python -m sample_data.generate_anomaly --baselines`, which writes them, and the counts of
the tables, into the bundle's README. Needs the scoring program.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kit.markdown import table
from sample_data.generator_common.bundle_folder import fill_readme
from wildlife_scoring.anomaly.metrics import score

from .collection import SEED, TASKS, TESTS, PlannedFrame, collection

Vectors = NDArray[np.float64]  # (n, values)
FRAME, CROP = (48, 27), (24, 24)  # width and height in pixels to which images are reduced

Method = Callable[[Path, Sequence[PlannedFrame], Sequence[PlannedFrame]], NDArray[np.float64]]


def image_path(bundle: Path, one: PlannedFrame) -> Path:
    folder = "train/images" if one.task == "train" else f"input_data/{one.task}"
    return bundle / folder / one.filename


def _vector(image: Image.Image, size: tuple[int, int]) -> Vectors:
    return np.asarray(image.resize(size, Image.Resampling.BOX), dtype=float).ravel() / 255


def _nearest(asked: Vectors, known: Vectors) -> NDArray[np.float64]:
    """Euclidean distance of each row to the nearest of the known rows."""
    squares = (asked**2).sum(axis=1)[:, None] + (known**2).sum(axis=1) - 2 * asked @ known.T
    return np.asarray(np.sqrt(np.maximum(squares, 0)).min(axis=1))


def whole_frames(mode: str) -> Method:
    """Distance to the nearest frame of train, in 48 x 27 pixels."""

    def scores(
        bundle: Path, asked: Sequence[PlannedFrame], train: Sequence[PlannedFrame]
    ) -> NDArray[np.float64]:
        def vectors(frames: Sequence[PlannedFrame]) -> Vectors:
            rows = []
            for one in frames:
                with Image.open(image_path(bundle, one)) as image:
                    rows.append(_vector(image.convert(mode), FRAME))
            return np.stack(rows)

        return _nearest(vectors(asked), vectors(train))

    return scores


def true_crops(
    bundle: Path, asked: Sequence[PlannedFrame], train: Sequence[PlannedFrame]
) -> NDArray[np.float64]:
    """Distance to the nearest crop of train, in 24 x 24 pixels, of the strangest true box."""
    known = np.concatenate([_crops(bundle, one) for one in train if one.actors])
    return np.array(
        [_nearest(_crops(bundle, one), known).max() if one.actors else 0.0 for one in asked]
    )


def _crops(bundle: Path, one: PlannedFrame) -> Vectors:
    with Image.open(image_path(bundle, one)) as image:
        colour = image.convert("RGB")
    boxes = [(left, top, left + w, top + h) for left, top, w, h in one.shot().boxes]
    return np.stack([_vector(colour.crop(box), CROP) for box in boxes])


def true_traits(
    bundle: Path, asked: Sequence[PlannedFrame], train: Sequence[PlannedFrame]
) -> NDArray[np.float64]:
    """Distance of the drawn traits to the nearest known species; no image is read."""
    return np.array([one.distance for one in asked])


METHODS: dict[str, Method] = {
    "whole frames, grey pixels": whole_frames("L"),
    "whole frames, RGB pixels": whole_frames("RGB"),
    "true boxes, RGB pixels": true_crops,
    "true traits": true_traits,
}


def evaluate(bundle: Path, method: Method) -> dict[str, dict[str, float]]:
    """Return the leaderboard's values by task."""
    everything = collection()
    train = [one for one in everything if one.task == "train"]
    values = {}
    for task in TESTS:
        asked = [one for one in everything if one.task == task]
        values[task] = score(
            [int(bool(one.anomaly)) for one in asked], method(bundle, asked, train)
        )
    return values


def baseline_table(bundle: Path) -> str:
    """Return a line for each method and task."""
    rows: list[list[str]] = []
    keys: list[str] = []
    for name, method in METHODS.items():
        for task, values in evaluate(bundle, method).items():
            keys = list(values)
            rows.append([name, task, *(f"{value:.3f}" for value in values.values())])
    return "\n".join(table(("nearest by", "task", *keys), rows))


def counts_table() -> str:
    """Return a line for each task, counted from the plan that the tables are made of."""
    everything = collection()
    rows = []
    for task in TASKS:
        own = [one for one in everything if one.task == task]
        animals = Counter(len(one.actors) for one in own)
        numbers = (
            len(own), len({one.location for one in own}), len({one.sequence for one in own}),
            animals[0], sum(n for many, n in animals.items() if many > 1),
            sum(one.light.infrared for one in own),
            sum(one.light.weather != "dry" for one in own),
            sum(bool(one.anomaly) for one in own),
        )  # fmt: skip
        rows.append([task, *map(str, numbers)])
    titles = ("task", "frames", "cameras", "sequences", "empty", "several animals", "infra-red",
              "rain or fog", "anomalies")  # fmt: skip
    return "\n".join(table(titles, rows))


def species_table() -> str:
    """Return a line for each anomaly and known species: how many frames show it, by task."""
    everything = collection()
    names: dict[str, Counter[str]] = {}
    for one in everything:
        shown = {actor.name for actor in one.actors} if not one.anomaly else {one.anomaly}
        for name in shown:
            names.setdefault(name, Counter())[one.task] += 1
    strange = {one.anomaly for one in everything}
    rows = [
        [name, "anomaly" if name in strange else "known", *(str(counts[t]) for t in TASKS)]
        for name, counts in sorted(names.items(), key=lambda one: (one[0] in strange, one[0]))
    ]
    return "\n".join(table(("what", "is", *TASKS), rows))


def main(bundle: Path) -> int:
    """Write the three tables; the plan is that of seed SEED."""
    print(f"scoring {len(METHODS)} baselines (seed {SEED})")
    blocks = {
        "counts": counts_table(),
        "species": species_table(),
        "baselines": baseline_table(bundle),
    }
    return fill_readme(bundle, blocks)
