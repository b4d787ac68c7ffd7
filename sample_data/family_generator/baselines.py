"""Reference values: what colours and raw pixels reach, and what reading the true traits would.

Run by `python -m sample_data.generate_family --baselines`, which writes them, and the counts of the
tables, into the bundle's README. Needs the scoring program and scikit-learn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kit.markdown import table
from sample_data.generator_common.bundle_folder import fill_readme
from wildlife_scoring.family.metrics import score

from .collection import SEED, TASKS, TESTS, PlannedImage, collection
from .families import FAMILIES, trait_vector

Vectors = NDArray[np.float64]  # (images, d)
PIXELS, BINS = 32, 4
SHOWN = ("accuracy", "balanced_accuracy", "f1_macro")


def image_path(bundle: Path, one: PlannedImage) -> Path:
    """Return where an image lies in the bundle."""
    folder = "train/images" if one.task == "train" else f"input_data/{one.task}"
    return bundle / folder / one.filename


def _opened(bundle: Path, one: PlannedImage, mode: str) -> Image.Image:
    with Image.open(image_path(bundle, one)) as image:
        converted: Image.Image = image.convert(mode)
    return converted


def histograms(bundle: Path, images: Sequence[PlannedImage]) -> Vectors:
    """Return the shares of 64 colours, (images, 64)."""
    found = []
    for one in images:
        pixels = np.asarray(_opened(bundle, one, "RGB")).reshape(-1, 3)
        counts, _ = np.histogramdd(pixels, bins=(BINS,) * 3, range=((0, 256),) * 3)
        found.append(np.sqrt(counts.ravel() / len(pixels)))
    return np.array(found)


def raw_pixels(bundle: Path, images: Sequence[PlannedImage]) -> Vectors:
    """Return grey images of 32 x 32 pixels, (images, 1024)."""
    small = [_opened(bundle, one, "L").resize((PIXELS, PIXELS)) for one in images]
    return np.stack([np.asarray(image, dtype=float).ravel() for image in small])


def true_traits(_: Path, images: Sequence[PlannedImage]) -> Vectors:
    """Return the plan and traits of the animal that was drawn; zeros where none was."""
    width = len(trait_vector(next(iter(FAMILIES)), {}))
    vectors = [trait_vector(one.shown, one.traits()) if one.shown else np.zeros(width)
               for one in images]  # fmt: skip
    return np.stack(vectors)


METHODS: dict[str, tuple[Callable[[Path, Sequence[PlannedImage]], Vectors], Callable[[], object]]]
METHODS = {
    "colour histogram": (histograms, lambda: LogisticRegression(C=1.0, max_iter=2000)),
    "raw pixels": (raw_pixels, NearestCentroid),
    "true traits": (true_traits, NearestCentroid),
}


def evaluate(bundle: Path, name: str, clean: bool) -> dict[str, dict[str, float]]:
    """Return the leaderboard's values by task; clean: whether to learn without the dirt."""
    vectors, classifier = METHODS[name]
    everything = collection()
    train = [one for one in everything if one.task == "train" and not (clean and one.dirt)]
    model = make_pipeline(StandardScaler(), classifier())
    model.fit(vectors(bundle, train), [one.family for one in train])
    values = {}
    for task in TESTS:
        asked = [one for one in everything if one.task == task]
        named = model.predict(vectors(bundle, asked)).tolist()
        values[task] = score([one.family for one in asked], named)
    return values


def baseline_table(bundle: Path) -> str:
    """Return the Markdown table of all methods."""
    rows = [
        [name, "clean images" if clean else "all", task, *(f"{values[key]:.3f}" for key in SHOWN)]
        for name in METHODS
        for clean in (False, True)
        for task, values in evaluate(bundle, name, clean).items()
    ]
    titles = ("method", "learns from", "task", "accuracy", "balanced accuracy", "macro F1")
    return "\n".join(table(titles, rows))


def counts_table() -> str:
    """Return a row for each task, counted from the plan that the tables are made of."""
    rows = []
    for task in TASKS:
        members = [one for one in collection() if one.task == task]
        counts = Counter(one.family for one in members if not one.dirt)
        dirt = Counter(one.dirt for one in members if one.dirt)
        listed = ", ".join(f"{kind} {count}" for kind, count in sorted(dirt.items())) or "none"
        numbers = (len(members), len(counts), max(counts.values()), min(counts.values()))
        rows.append([task, *map(str, numbers), listed])
    titles = (
        "task", "images", "families", "clean images of the most frequent", "of the rarest", "dirt",
    )  # fmt: skip
    return "\n".join(table(titles, rows))


def main(bundle: Path) -> int:
    """Write both tables and return 0."""
    print(f"scoring {len(METHODS)} baselines (seed {SEED})")
    return fill_readme(bundle, {"counts": counts_table(), "baselines": baseline_table(bundle)})
