"""What 202 families cost: memory of training a head, size of the report, and opening its page.

    python -m benchmarks.families            # a table
    python -m benchmarks.families --write    # also put the table into benchmarks/README.md

The published collection has 11,983 images of 202 families in 5 phyla, ten to one. Here features
of that many images are generated: of EfficientNet-B4's width for the published head, with two
varied copies of each image, and of four views side by side for the linear head of
`two_lite_towers`. Memory does not grow after the first step, so each is trained for two epochs, or
two steps of LBFGS. The report is that of the 15 % set aside, a third of them named wrong, with ten
candidates each. Each step is a process of its own. Chromium is timed from its start to a picture
of the page, next to an empty page; it is left out where none is installed.
"""

from __future__ import annotations

import argparse
import csv
import random
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.scoring import README, ROOT, run
from kit.markdown import read_block, table, write_block

IMAGES, FAMILIES, PHYLA, LARGEST = 11_983, 202, 5, 10
TEST_SHARE, VALIDATION_SHARE = 0.15, 0.1
B4_WIDTH, COPIES = 1_792, 2
SIDE_BY_SIDE = 4 * 1_280  # two networks with two views each
BLOCK, RUNS, LISTED = "families", 3, 10
TRAINED = 2  # epochs, or steps
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_CHROMIUM = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--hide-scrollbars", "--disable-dev-shm-usage", "--window-size=1200,4000")  # fmt: skip


def labels_of(count: int) -> list[int]:
    """Return the family of each of `count` images; the first one has LARGEST times the last one."""
    weights = [LARGEST ** (-family / (FAMILIES - 1)) for family in range(FAMILIES)]
    rest = random.Random(0).choices(range(FAMILIES), weights, k=count - 2 * FAMILIES)
    return [*range(FAMILIES), *range(FAMILIES), *rest]


def train(head: str) -> None:
    """Train a head on generated features, in this process."""
    import numpy as np

    rng = np.random.default_rng(0)
    labels = np.array(labels_of(round((1 - TEST_SHARE) * IMAGES)), dtype=np.intp)
    width, copies = (B4_WIDTH, 1 + COPIES) if head == "published" else (SIDE_BY_SIDE, 1)
    means = rng.normal(size=(FAMILIES, width)).astype(np.float32)
    features = rng.standard_normal((len(labels), copies, width), dtype=np.float32)
    features *= 4.0
    features += means[labels][:, None]
    if head == "published":
        from training.family.heads.recipe import HeadRecipe
        from training.family.heads.trainer import HeadTrainer, Labelled

        seen = round(VALIDATION_SHARE * len(labels))
        parts = [
            Labelled(features[rows], labels[rows]) for rows in (slice(seen, None), slice(seen))
        ]
        HeadTrainer(HeadRecipe(), parts[0], FAMILIES, parts[1]).train()
    else:
        from training.family.heads import logistic
        from training.family.joint import STRENGTH

        logistic.STEPS = TRAINED
        logistic.fit_logistic(features, labels, FAMILIES, STRENGTH)


def write_task(folder: Path) -> None:
    """Write reference, predictions and candidates of the 15 % set aside."""
    chance = random.Random(1)
    for name in ("ref", "res", "out"):
        (folder / name).mkdir()
    rows = [(f"{number:05d}.jpg", family)
            for number, family in enumerate(labels_of(round(TEST_SHARE * IMAGES)))]  # fmt: skip
    reference, predictions, candidates = [], [], []
    for name, family in rows:
        listed = chance.sample(range(FAMILIES), LISTED)
        if chance.random() < 2 / 3:
            listed = [family, *(other for other in listed if other != family)][:LISTED]
        reference.append((name, f"Family {family:03d}", f"Phylum {family % PHYLA}"))
        predictions.append((name, f"Family {listed[0]:03d}"))
        first = chance.uniform(0.3, 0.99)
        for place, other in enumerate(listed):
            value = first if place == 0 else (1 - first) / LISTED
            candidates.append((name, place + 1, f"Family {other:03d}", f"{value:.4f}"))
    for path, lines in (
        ("ref/ref.csv", [("filename", "family", "phylum"), *reference]),
        ("res/predictions.txt", predictions),
        ("res/candidates.csv", [("filename", "rank", "identity", "score"), *candidates]),
    ):
        with (folder / path).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(lines)


def opened(program: str, address: str, folder: Path) -> float:
    """Return the seconds of Chromium from its start to a picture, the median of RUNS."""
    picture, profile = folder / "page.png", folder / "profile"
    command = [program, *_CHROMIUM, f"--user-data-dir={profile}", f"--screenshot={picture}"]
    return statistics.median(run([*command, address])[0] for _ in range(RUNS))


def measure() -> list[list[str]]:
    """Return the rows of the table."""
    rows = []
    for head, title in (
        ("published", f"published head, {TRAINED} epochs"),
        ("linear", f"linear head on four views, {TRAINED} steps"),
    ):
        seconds, peak = run([sys.executable, "-m", "benchmarks.families", "--train", head])
        rows.append([f"training: {title}", f"{seconds:.1f} s", f"{peak:,.0f} MiB"])
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        write_task(folder)
        scoring = str(ROOT / "scoring_program" / "scoring.py")
        seconds, peak = run([sys.executable, scoring, str(folder), str(folder / "out")])
        page = folder / "out" / "detailed_results.html"
        rows.append(["scoring, with the report", f"{seconds:.1f} s", f"{peak:,.0f} MiB"])
        rows.append(["report", "", f"{page.stat().st_size / 1e6:.2f} MB"])
        program = next(filter(None, map(shutil.which, BROWSERS)), None)
        if program:
            for title, address in (("the page", page.as_uri()), ("an empty page", "about:blank")):
                seconds = opened(program, address, folder)
                rows.append([f"Chromium, from its start to a picture of {title}",
                             f"{seconds:.2f} s", ""])  # fmt: skip
    return rows


def main() -> None:
    """Measure, print the table and keep it where asked."""
    parser = argparse.ArgumentParser(description="Measure what 202 families cost.")
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    parser.add_argument("--train", choices=["published", "linear"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        train(options.train)
        return
    if options.write:
        read_block(README, BLOCK)  # a missing marker shows before minutes of measuring
    titles = [f"{FAMILIES} families", "time", "peak memory, or size"]
    text = "\n".join(table(titles, measure()))
    print(text)
    if options.write:
        note = (
            f"{IMAGES:,} generated images, {1 - TEST_SHARE:.0%} of them to train with. Chromium: "
            f"medians of {RUNS}. {machine()}, written by `python -m benchmarks.families --write`."
        )
        write_block(README, BLOCK, f"{text}\n\n{note}")


if __name__ == "__main__":
    main()
