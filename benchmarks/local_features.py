"""Measure how many image pairs a second the local stage of `wildfusion` matches.

    python -m benchmarks.local_features            # a table
    python -m benchmarks.local_features --write    # also put it into benchmarks/README.md
    python -m benchmarks.local_features --images 60 --repeats 5

The baseline is a plain loop: for each pair cv2.BFMatcher (two nearest, ratio 0.85) and
cv2.estimateAffinePartial2D (RANSAC), on the same key points with the descriptors not packed. Both
run in turn in this process, on one thread; the table gives medians and the ratio of medians. It
compares the matches too: how often the best match of an image is another image of its individual.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from threadpoolctl import threadpool_limits

from benchmarks.machine import machine
from kit.markdown import read_block, table, write_block
from training.reid.database import Database, read_database
from training.reid.matching.sift import packed
from wildlife_image.rgb import to_rgb
from wildlife_reid.local.features import LocalFeatures, LocalSettings, local_features
from wildlife_reid.local.matching import MatchSettings

ROOT = Path(__file__).resolve().parents[1]

README = ROOT / "benchmarks" / "README.md"
DATA = ROOT / "sample_data" / "reid" / "train"
Scores = NDArray[np.float64]
RATIO, REPROJECTION = 0.85, 0.02  # of the loop; the latter in longer sides


@dataclass(frozen=True)
class Measured:
    """Seconds of each run over all pairs, and the share of images that found their individual."""

    name: str
    seconds: list[float]
    rank1: float

    def rate(self, pairs: int) -> float:
        return pairs / statistics.median(self.seconds)


def chosen_rows(database: Database, count: int) -> list[int]:
    """Rows of one dataset: individuals with three images or more, three of each."""
    dataset = str(database.dataset[0])
    rows: list[int] = []
    for name in np.unique(database.identity[database.dataset == dataset]):
        own = np.flatnonzero(database.identity == name).tolist()
        rows += own[:3] if len(own) >= 3 else []
    return rows[:count]


def by_ours(features: list[LocalFeatures]) -> Scores:
    """(n, n) scores of the packed gallery."""
    gallery, rows = packed(features), np.arange(len(features))
    return np.stack([gallery.scores(one, rows, MatchSettings()) for one in features])


def by_loop(features: list[LocalFeatures]) -> Scores:
    """(n, n) numbers of RANSAC inliers, a pair at a time."""
    matcher = cv2.BFMatcher(cv2.NORM_L2)
    found = np.zeros((len(features), len(features)))
    for i, first in enumerate(features):
        for j, second in enumerate(features):
            found[i, j] = _inliers(matcher, first, second)
    return found


def _inliers(matcher: cv2.BFMatcher, first: LocalFeatures, second: LocalFeatures) -> int:
    if len(first) < 3 or len(second) < 3:
        return 0
    pairs = matcher.knnMatch(first.descriptors, second.descriptors, k=2)
    good = [a for a, b in pairs if a.distance < RATIO * b.distance]
    if len(good) < 3:
        return 0
    ours = first.places[[m.queryIdx for m in good], :2]
    theirs = second.places[[m.trainIdx for m in good], :2]
    _, inliers = cv2.estimateAffinePartial2D(ours, theirs, ransacReprojThreshold=REPROJECTION)
    return 0 if inliers is None else int(inliers.sum())


def measure(
    name: str,
    match: Callable[[list[LocalFeatures]], Scores],
    features: list[LocalFeatures],
    identity: NDArray[np.str_],
    seconds: list[float],
) -> Measured:
    """Time one matcher on all pairs; append the seconds to those of earlier runs."""
    started = time.perf_counter()
    scores = match(features)
    seconds.append(time.perf_counter() - started)
    np.fill_diagonal(scores, -np.inf)
    rank1 = float(np.mean(identity[scores.argmax(axis=1)] == identity))
    return Measured(name, seconds, rank1)


def report(measured: list[Measured], count: int, extraction: float) -> str:
    """Markdown; count: images; extraction: seconds to find the key points of one."""
    pairs = count * count
    loop = measured[1].rate(pairs)
    rows = []
    for one in measured:
        rate = one.rate(pairs)
        rows.append([one.name, f"{rate:.0f}", f"{rate / loop:.2f}", f"{one.rank1:.2f}"])
    lines = table(["", "pairs/s (median)", "times the loop", "rank-1"], rows, numbers=(1, 2, 3))
    load = os.getloadavg()[0]
    lines += [
        "",
        f"{count} x {count} images of the sample database, {len(measured[0].seconds)} runs "
        "in turn on one thread; finding the key points of an image takes "
        f"{1000 * extraction:.0f} ms. "
        f"{machine()}, OpenCV {cv2.__version__}, with a load of {load:.1f} from other work.",
    ]
    return "\n".join(lines)


def run(count: int, repeats: int) -> str:
    """Measure both on `count` images; the table as Markdown."""
    database = read_database(DATA)
    rows, settings = chosen_rows(database, count), LocalSettings()
    images = [to_rgb(Image.open(database.paths[row])) for row in rows]
    started = time.perf_counter()
    features = [local_features(image, settings) for image in images]
    extraction = (time.perf_counter() - started) / len(rows)
    identity = database.identity[rows]
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        ours = measure("`wildfusion`, packed gallery", by_ours, features, identity, seconds[0])
        name = "loop of cv2.BFMatcher and RANSAC"
        loop = measure(name, by_loop, features, identity, seconds[1])
    return report([ours, loop], len(rows), extraction)


def main() -> int:
    parser = argparse.ArgumentParser(description="Time the local stage.")
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    options = parser.parse_args()
    if options.images < 6 or options.repeats < 1:
        parser.error("--images must be at least 6 and --repeats at least 1")
    try:
        if options.write:
            read_block(README, "local features")  # better told before the measuring
        cv2.setNumThreads(1)
        with threadpool_limits(limits=1):
            text = run(options.images, options.repeats)
        print(text)
        if options.write:
            command = f"python -m benchmarks.local_features --write --images {options.images}"
            write_block(README, "local features", f"{text}\nWritten by `{command}`.")
    except (OSError, ValueError) as error:
        print(f"local_features: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
