"""Local scores of all image pairs inside each dataset, and how fast they are found."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from training.common.cache import kept_arrays
from training.common.console import say
from training.reid.database import Database
from training.reid.images import image_digest

Array = NDArray[np.float64]
Rows = NDArray[np.intp]
RUNS = Path(__file__).resolve().parents[3] / "runs" / "local_pairs"


class Matcher(Protocol):
    """Compares images that it holds already, by their row in the database."""

    @property
    def key(self) -> list[Any]:
        """What decides the scores, besides the images; values that JSON can hold."""

    def score(self, row: int, rows: Rows) -> Array:
        """(r,): scores of image `row` with the images `rows`."""


@dataclass(frozen=True)
class Speed:
    """How fast the local stage is: pairs per second, and seconds to describe one image."""

    pairs_per_second: float
    seconds_per_image: float

    def forecast(self, queries: int, shortlist: int) -> float:
        """Seconds for all queries of a phase on one core."""
        return queries * (self.seconds_per_image + shortlist / self.pairs_per_second)

    def in_words(self, queries: int, shortlist: int, limit: float) -> str:
        """The forecast next to the phase's limit in seconds, with a warning if it is too slow."""
        seconds = self.forecast(queries, shortlist)
        text = (
            f"local stage: {self.pairs_per_second:.0f} pairs per second, "
            f"{1000 * self.seconds_per_image:.0f} ms an image; {queries} queries with a "
            f"shortlist of {shortlist} take {seconds:.0f} s of one core, the limit is {limit:.0f} s"
        )
        if seconds <= limit:
            return text
        spare = round((limit / queries - self.seconds_per_image) * self.pairs_per_second, 6)
        fix = f"a shortlist of {int(spare)} would" if spare >= 1 else "no shortlist would"
        return f"{text}\nWARNING: that does not fit; {fix}, on a machine as fast as this one"


def all_pairs(matcher: Matcher, database: Database) -> tuple[Array, float]:
    """Score all pairs of each dataset: (n, n), NaN across datasets and on the diagonal.

    A pair is scored once and counts in both directions. Each dataset's table is cached under the
    matcher's key and the images, so that a killed run, or another script, resumes from there.
    Returns the pairs per second too.
    """
    matrix = np.full((len(database), len(database)), np.nan)
    key = json.dumps([matcher.key, image_digest(database)], sort_keys=True)
    pairs, seconds = 0, 0.0
    for name in np.unique(database.dataset).tolist():
        rows = np.flatnonzero(database.dataset == name)
        block, took = _block(matcher, rows, hashlib.sha256(f"{key} {name}".encode()).hexdigest())
        matrix[np.ix_(rows, rows)] = block
        pairs, seconds = pairs + len(rows) * (len(rows) - 1) // 2, seconds + took
        say(f"{name}: {len(rows)} images matched, {pairs / seconds:.0f} pairs/s")
    return matrix, max(pairs, 1) / seconds


def _block(matcher: Matcher, rows: Rows, digest: str) -> tuple[Array, float]:
    """(r, r) scores, NaN on the diagonal, and the seconds that computing them took."""

    def compute() -> dict[str, Array]:
        started, block = time.perf_counter(), np.full((len(rows), len(rows)), np.nan)
        for number, row in enumerate(rows.tolist()):
            later = slice(number + 1, len(rows))
            block[number, later] = block[later, number] = matcher.score(row, rows[later])
        seconds = max(time.perf_counter() - started, 1e-9)
        return {"block": block, "seconds": np.array(seconds)}

    kept = kept_arrays(RUNS / f"{digest[:24]}.npz", compute)
    return kept["block"], float(kept["seconds"])
