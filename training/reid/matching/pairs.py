"""Local scores of all pairs inside each dataset, with pairs per second and what that means."""

from __future__ import annotations

import hashlib
import os
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
RUNS = Path(__file__).resolve().parents[3] / "runs" / "local_pairs"


@dataclass(frozen=True)
class Rate:
    """How quick the local stage is: pairs per second, and seconds to describe one picture."""

    pairs_per_second: float
    seconds_per_picture: float

    def forecast(self, queries: int, shortlist: int) -> float:
        """Seconds for all queries of a phase on one core."""
        return queries * (self.seconds_per_picture + shortlist / self.pairs_per_second)

    def in_words(self, queries: int, shortlist: int, limit: float) -> str:
        """The forecast beside the phase's limit, with a warning where it does not fit."""
        seconds = self.forecast(queries, shortlist)
        text = (
            f"local stage: {self.pairs_per_second:.0f} pairs per second, "
            f"{1000 * self.seconds_per_picture:.0f} ms a picture; {queries} queries with a "
            f"shortlist of {shortlist} take {seconds:.0f} s of one core, the limit is {limit:.0f} s"
        )
        if seconds <= limit:
            return text
        spare = round((limit / queries - self.seconds_per_picture) * self.pairs_per_second, 6)
        mend = f"a shortlist of {int(spare)} would" if spare >= 1 else "no shortlist would"
        return f"{text}\nWARNING: that does not fit; {mend}, on a machine as quick as this one"


def all_pairs(
    score: Callable[[int, NDArray[np.intp]], Array],
    dataset: NDArray[np.str_],
    seconds_per_picture: float,
    key: str,
) -> tuple[Array, Rate]:
    """(n, n) scores of picture i against gallery row j, NaN across datasets and with itself.

    `score(i, rows)` returns (r,). A pair is scored once and counts in both directions. Each
    dataset's table is kept in RUNS under `key` (pictures and settings), so that a killed run, or
    another script, goes on from there.
    """
    matrix = np.full((len(dataset), len(dataset)), np.nan)
    pairs, seconds = 0, 0.0
    for name in np.unique(dataset).tolist():
        rows = np.flatnonzero(dataset == name)
        block, took = _block(score, rows, hashlib.sha256(f"{key} {name}".encode()).hexdigest())
        matrix[np.ix_(rows, rows)] = block
        pairs, seconds = pairs + len(rows) * (len(rows) - 1) // 2, seconds + took
        print(f"{name}: {len(rows)} pictures matched, {pairs / seconds:.0f} pairs/s", flush=True)
    return matrix, Rate(max(pairs, 1) / seconds, seconds_per_picture)


def _block(
    score: Callable[[int, NDArray[np.intp]], Array], rows: NDArray[np.intp], digest: str
) -> tuple[Array, float]:
    """(r, r) scores, NaN on the diagonal, and the seconds that they took when they were made."""
    kept = RUNS / f"{digest[:24]}.npz"
    try:
        with np.load(kept) as file:
            return file["block"], float(file["seconds"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass  # Not there, or damaged: computed anew.
    started, block = time.perf_counter(), np.full((len(rows), len(rows)), np.nan)
    for place, row in enumerate(rows.tolist()):
        later = slice(place + 1, len(rows))
        block[place, later] = block[later, place] = score(row, rows[later])
    seconds = max(time.perf_counter() - started, 1e-9)
    RUNS.mkdir(parents=True, exist_ok=True)
    part = kept.with_name(f"{kept.name}.{os.getpid()}.part")
    with part.open("wb") as file:
        np.savez(file, block=block, seconds=seconds)
    part.replace(kept)
    return block, seconds
