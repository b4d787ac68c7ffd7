"""Reference values: what raw pixels and SIFT reach, and what reading the true patterns would.

Run by `python -m sample_data.generate_reid --baselines`, which writes them, and the counts of the
tables, into the bundle's README. Needs the scoring program and OpenCV (extra `models`).

Each method gives a table of similarities between queries and database images of a dataset; the
oracle threshold decides what is new, so the values are bounds and not entries.
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
from wildlife_scoring.reid.metrics import score, threshold_curve

from .collection import DATASETS, SEED, TASKS, TESTS, PlannedImage, collection

Similarity = NDArray[np.float64]  # (queries, database images), higher = more alike
PIXELS = 32
_RATIO = 0.85  # of the distances of a keypoint's best and second best match
_SHORTLIST = 20  # candidates whose matches are checked for geometry
_REACH = 8.0  # pixels that a match may be off

Method = Callable[[Path, Sequence[PlannedImage], Sequence[PlannedImage]], Similarity]


def image_path(bundle: Path, one: PlannedImage) -> Path:
    if one.task == "train":
        return bundle / "train" / one.path
    return bundle / "input_data" / one.task / one.filename


def _opened(path: Path, mode: str) -> Image.Image:
    with Image.open(path) as image:
        converted: Image.Image = image.convert(mode)
    return converted


def raw_pixels(mode: str) -> Method:
    """Cosine of images of 32 x 32 pixels, the mean of each taken away."""

    def similarity(
        bundle: Path, queries: Sequence[PlannedImage], database: Sequence[PlannedImage]
    ) -> Similarity:
        def vectors(images: Sequence[PlannedImage]) -> Similarity:
            small = [
                _opened(image_path(bundle, one), mode).resize((PIXELS, PIXELS)) for one in images
            ]
            flat = np.stack([np.asarray(image, dtype=float).ravel() for image in small])
            flat -= flat.mean(axis=1, keepdims=True)
            return np.asarray(flat / np.linalg.norm(flat, axis=1, keepdims=True))

        return np.asarray(vectors(queries) @ vectors(database).T)

    return similarity


def true_patterns(
    _: Path, queries: Sequence[PlannedImage], database: Sequence[PlannedImage]
) -> Similarity:
    """Cosine of the patterns as drawn; another side is nothing alike. No image is read."""
    first = np.stack([one.pattern().vector() for one in queries])
    second = np.stack([one.pattern().vector() for one in database])
    same_side = np.array([[a.side == b.side for b in database] for a in queries])
    return np.where(same_side, first @ second.T, -1.0)


def sift_matches(
    bundle: Path, queries: Sequence[PlannedImage], database: Sequence[PlannedImage]
) -> Similarity:
    """Matches that pass the ratio test, and for the best candidates those of one transform."""
    import cv2

    detector = cv2.SIFT_create(nfeatures=256, contrastThreshold=0.02)  # type: ignore[attr-defined]

    def features(one: PlannedImage) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        grey = np.asarray(_opened(image_path(bundle, one), "L"))
        points, found = detector.detectAndCompute(grey, None)
        if found is None or len(found) < 2:
            return np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32)
        rooted = np.sqrt(found / found.sum(axis=1, keepdims=True))  # length 1
        return np.array([point.pt for point in points], dtype=np.float32), rooted

    ours, theirs = [features(one) for one in queries], [features(one) for one in database]
    counts = np.zeros((len(ours), len(theirs)))
    for q, (points, found) in enumerate(ours):
        matches = [_matches(found, other) for _, other in theirs]
        counts[q] = [len(pairs) * 1e-3 for pairs in matches]
        for d in np.argsort(-counts[q], kind="stable")[:_SHORTLIST]:
            pairs = matches[d]
            if len(pairs) >= 4:
                cv2.setRNGSeed(0)
                _, inside = cv2.estimateAffinePartial2D(
                    points[pairs[:, 0]], theirs[d][0][pairs[:, 1]], ransacReprojThreshold=_REACH
                )
                counts[q, d] += 0 if inside is None else int(inside.sum())
    return counts


def _matches(found: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.int64]:
    """Pairs of rows, (k, 2), whose distance is well below that to the second best."""
    if len(found) < 2 or len(other) < 2:
        return np.zeros((0, 2), dtype=np.int64)
    alike = found @ other.T
    best = np.argpartition(-alike, 1, axis=1)[:, :2]
    apart = np.sqrt(np.maximum(0, 2 - 2 * np.take_along_axis(alike, best, axis=1)))
    order = np.argsort(apart, axis=1)
    apart, best = (np.take_along_axis(one, order, axis=1) for one in (apart, best))
    rows = np.flatnonzero(apart[:, 0] < _RATIO * apart[:, 1])
    return np.stack([rows, best[rows, 0]], axis=1)


def evaluate(bundle: Path, method: Method) -> dict[str, dict[str, float]]:
    """The leaderboard's values by task, each dataset at its oracle threshold."""
    everything = collection()
    values = {}
    for task in TESTS:
        asked: list[PlannedImage] = []
        answers: list[str] = []
        for dataset in DATASETS:
            members = [one for one in everything if one.dataset == dataset]
            database = [one for one in members if one.task == "train"]
            queries = [one for one in members if one.task == task]
            asked += queries
            answers += _at_oracle_threshold(queries, database, method(bundle, queries, database))
        values[task] = score(
            [one.identity for one in asked],
            [one.dataset for one in asked],
            np.array([one.new for one in asked]),
            answers,
        )
    return values


def _at_oracle_threshold(
    queries: Sequence[PlannedImage], database: Sequence[PlannedImage], similarity: Similarity
) -> list[str]:
    nearest = [database[best].identity for best in similarity.argmax(axis=1)]
    scores = similarity.max(axis=1)
    new = np.array([one.new for one in queries])
    curve = threshold_curve([one.identity for one in queries], new, nearest, scores)
    threshold = curve.threshold[int(curve.score.argmax())]
    return [
        name if value >= threshold else "new_individual"
        for name, value in zip(nearest, scores, strict=True)
    ]


METHODS: dict[str, Method] = {
    "pixels, grey": raw_pixels("L"),
    "pixels, RGB": raw_pixels("RGB"),
    "SIFT": sift_matches,
    "true pattern": true_patterns,
}


def baseline_table(bundle: Path) -> str:
    shown = ("geometric_mean", "BAKS", "BAUS", *(f"{name}_geometric_mean" for name in DATASETS))
    rows = [
        [name, task, *(f"{values[key]:.3f}" for key in shown)]
        for name, method in METHODS.items()
        for task, values in evaluate(bundle, method).items()
    ]
    return "\n".join(table(("nearest by", "task", "score", "BAKS", "BAUS", *DATASETS), rows))


def counts_table() -> str:
    """One line for each dataset and task, counted from the plan that the tables are made of."""
    everything = collection()
    rows = []
    for dataset in DATASETS:
        for task in TASKS:
            members = [one for one in everything if (one.dataset, one.task) == (dataset, task)]
            counts = Counter(one.identity for one in members)
            new = Counter(one.identity for one in members if one.new)
            single = sum(count == 1 for count in counts.values())
            numbers = (len(members), len(counts) - len(new), len(new), new.total(), single)
            rows.append([dataset, task, *map(str, (*numbers, max(counts.values())))])
    titles = (
        "dataset", "task", "images", "known individuals", "new individuals",
        "images of new ones", "individuals with one image", "most images of one",
    )  # fmt: skip
    return "\n".join(table(titles, rows))


def main(bundle: Path) -> int:
    """Writes both tables; the plan is that of seed SEED."""
    print(f"scoring {len(METHODS)} baselines (seed {SEED})")
    return fill_readme(bundle, {"counts": counts_table(), "baselines": baseline_table(bundle)})
