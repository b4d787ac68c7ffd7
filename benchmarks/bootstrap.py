"""How long bootstrap intervals take, and how often they hold the true value.

    python -m benchmarks.bootstrap            # two tables
    python -m benchmarks.bootstrap --write    # also put them into benchmarks/README.md

Times: 10,000 resamples of 2,350 rows with all metrics of a track, the jackknife of BCa included.
Coverage: tables are drawn from a known distribution; the true value of a metric is that of a very
large table; counted is how many 95 % intervals hold it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from kit.markdown import table, write_block
from wildlife_scoring.bootstrap.intervals import RESAMPLES, Method, intervals
from wildlife_scoring.bootstrap.labels import family, reid
from wildlife_scoring.bootstrap.resampling import Statistic, Units, Values, whole
from wildlife_scoring.bootstrap.scores import anomaly, hybrid
from wildlife_scoring.tracks import TRACKS

README = Path(__file__).parent / "README.md"
METHODS: tuple[Method, ...] = ("bca", "percentile")
ROWS, TABLES, OF_COVERAGE = 2_350, 200, 1_000
LARGE = 400_000  # rows of the table whose value counts as true
COVERED = (("anomaly", 100), ("anomaly", 400), ("hybrid", 600), ("family", 200))

Draw = Callable[[np.random.Generator, int], Statistic]


def draw_hybrid(rng: np.random.Generator, rows: int) -> Statistic:
    group = rng.choice(["major", "minor", "mimic"], rows, p=[0.5, 0.25, 0.25])
    truth = rng.random(rows) < 0.35
    return hybrid(truth, group, rng.normal(size=rows) + 2.0 * truth)


def draw_anomaly(rng: np.random.Generator, rows: int) -> Statistic:
    truth = rng.random(rows) < 0.4
    return anomaly(truth, rng.normal(size=rows) + 1.5 * truth)


def draw_reid(rng: np.random.Generator, rows: int) -> Statistic:
    number = rng.integers(0, 400, rows)
    names = np.char.add("individual", number.astype(np.str_))
    sets = np.array(["lynx", "salamander", "turtle"])[number % 3]
    answers = np.where(rng.random(rows) < 0.6, names, "new_individual")
    return reid(names, sets, number % 5 == 0, answers)


def draw_family(rng: np.random.Generator, rows: int) -> Statistic:
    names = np.array(["Ardeidae", "Laridae", "Picidae", "Strigidae", "Turdidae"])
    truth = rng.choice(names, rows, p=[0.4, 0.25, 0.15, 0.1, 0.1])
    return family(truth, np.where(rng.random(rows) < 0.7, truth, rng.choice(names, rows)))


DRAWN: dict[str, Draw] = {
    "hybrid": draw_hybrid,
    "reid": draw_reid,
    "anomaly": draw_anomaly,
    "family": draw_family,
}


def times() -> str:
    """Measure each track once and return the table."""
    rows = []
    for track, draw in DRAWN.items():
        statistic = draw(np.random.default_rng(0), ROWS)
        began, worked = time.perf_counter(), time.process_time()
        found = intervals(statistic, Units.rows(ROWS))
        seconds = (time.perf_counter() - began, time.process_time() - worked)
        rows.append([f"`{track}`", str(len(found)), *(f"{each:.1f} s" for each in seconds)])
    return "\n".join(table(["track", "metrics", "time", "processor time"], rows, (1, 2, 3)))


def coverage(tables: int) -> str:
    """Count how many intervals hold the true value, and return the table."""
    rows = []
    for track, size in COVERED:
        true = whole(DRAWN[track](np.random.default_rng(1), LARGE), Units.rows(LARGE))
        held = [_held(track, size, true, tables, method) for method in METHODS]
        for at, key in enumerate(TRACKS[track].keys):
            shares = [f"{100 * each[at]:.1f} %" for each in held]
            rows.append([f"`{track}`", str(size), f"`{key}`", *shares])
    titles = ["track", "rows", "metric", *METHODS]
    return "\n".join(table(titles, rows, (1, 3, 4)))


def _held(track: str, size: int, true: Values, tables: int, method: Method) -> Values:
    """Return the share of the tables' intervals that hold the true value, (keys,)."""
    rng, held = np.random.default_rng(2), np.zeros(len(true))
    for seed in range(tables):
        statistic = DRAWN[track](rng, size)
        found = intervals(
            statistic, Units.rows(size), method=method, resamples=OF_COVERAGE, seed=seed
        )
        held += [one.low <= value <= one.high for one, value in zip(found, true, strict=True)]
    return held / tables


def main() -> None:
    parser = argparse.ArgumentParser(description="Time and check bootstrap intervals.")
    parser.add_argument("--write", action="store_true", help=f"write the tables into {README.name}")
    parser.add_argument("--tables", type=int, default=TABLES, help="drawn for each coverage")
    options = parser.parse_args()
    text = "\n".join(
        [
            times(),
            "",
            f"{RESAMPLES:,} resamples of {ROWS:,} rows, measured once. {machine()}, written by "
            "`python -m benchmarks.bootstrap --write`.",
            "",
            coverage(options.tables),
            "",
            f"How many of {options.tables} intervals of 95 % ({OF_COVERAGE:,} resamples each) "
            "hold the true value.",
        ]
    )
    print(text)
    if options.write:
        write_block(README, "bootstrap", text)


if __name__ == "__main__":
    main()
