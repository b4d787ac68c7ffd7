"""candidates.csv: for each image the labels that a submission ranked highest.

For the re-identification track these are individuals, for the family track families; the column is
called `identity` in both. The file is optional, stands next to predictions.txt, and fills parts of
the report that names alone cannot fill. It never changes the scores: a file with anything wrong in
it is left out whole, and a note says why.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wildlife_scoring.metrics import FloatArray
from wildlife_scoring.problems import name_some, quote
from wildlife_scoring.tables import count, rows_of

FILE_NAME = "candidates.csv"
COLUMNS = ("filename", "rank", "identity", "score")
LISTED = 10  # candidates of one image, at most


class CandidatesError(Exception):
    """The file cannot be used; the text says why."""


@dataclass(frozen=True)
class Candidates:
    """What the report needs of the lists, in the order of the reference; arrays of shape (rows,).

    best: the first candidate, "" where an image has none; score: its score, higher = more alike,
    -inf where there is none; total: the sum of the list's scores; rank: where in its list the true
    label stands, from 1, and 0 where it is not listed.
    """

    best: NDArray[np.object_]
    score: FloatArray
    total: FloatArray
    rank: NDArray[np.intp]


def read_or_note(
    path: Path, names: Sequence[str], truth: Sequence[str], refused: Collection[str]
) -> tuple[Candidates | None, list[str]]:
    """Read like `read_candidates`, and return the notes for the report, at most one.

    None where the file is absent or, with a note, where it is unusable.
    """
    if not path.is_file():
        return None, []
    try:
        return read_candidates(path, names, truth, refused), []
    except CandidatesError as error:
        return None, [f"{FILE_NAME} was left out, the scores do not need it: {error}."]


def read_candidates(
    path: Path, names: Sequence[str], truth: Sequence[str], refused: Collection[str]
) -> Candidates:
    """Read `filename,rank,identity,score` rows, best first within an image, at most LISTED each.

    names, truth: the reference's file names and true labels; refused: texts that are no candidate.
    Raises CandidatesError that counts all wrong lines and shows the first few.
    """
    reader = _Reader(names, truth, refused)
    try:
        rows = rows_of(path)
        titles = [title.strip() for title in next(rows, (0, []))[1]]
        if tuple(titles) != COLUMNS:
            found = name_some(titles, len(titles)) if titles else "nothing"
            raise CandidatesError(f"expected the header {','.join(COLUMNS)}, found {found}")
        for line, row in rows:
            reader.take(line, row)
    except UnicodeDecodeError:
        raise CandidatesError("it is not UTF-8 text") from None
    except csv.Error as error:
        raise CandidatesError(f"it is not a readable CSV file: {error}") from None
    except OSError as error:
        raise CandidatesError(f"it cannot be read: {error.strerror}") from None
    return reader.candidates()


class _Reader:
    """Takes the rows one by one, so that a long file is never whole in memory."""

    def __init__(
        self, names: Sequence[str], truth: Sequence[str], refused: Collection[str]
    ) -> None:
        self._row_of = dict(zip(names, range(len(names)), strict=True))
        self._truth = truth
        self._refused = frozenset({"", *refused})
        self._best = np.full(len(names), "", dtype=object)
        self._score = np.full(len(names), -np.inf)
        self._total = np.zeros(len(names))
        self._rank = np.zeros(len(names), dtype=np.intp)
        self._image = -1  # whose list is being read, by its row in the reference
        self._listed: list[str] = []
        self._last = math.inf
        self._wrong: list[str] = []
        self._wrong_lines = 0

    def take(self, line: int, fields: list[str]) -> None:
        """Take one line of the file."""
        why = self._why_wrong(fields)
        if why is None:
            return
        self._wrong_lines += 1
        if len(self._wrong) < 3:
            self._wrong.append(f"line {line}: {why}")

    def candidates(self) -> Candidates:
        """Return the lists. Raises CandidatesError where a line is wrong or no image has one."""
        if self._wrong_lines:
            more = f" and {self._wrong_lines - 3} more" if self._wrong_lines > 3 else ""
            lines = count(self._wrong_lines, "unusable line")
            raise CandidatesError(f"{lines}: {'; '.join(self._wrong)}{more}")
        if not np.any(np.isfinite(self._score)):
            raise CandidatesError("no image has a candidate")
        return Candidates(self._best, self._score, self._total, self._rank)

    def _why_wrong(self, fields: list[str]) -> str | None:
        if len(fields) != len(COLUMNS):
            return f"expected {len(COLUMNS)} fields, found {len(fields)}"
        name, rank, identity, text = fields
        row = self._row_of.get(name, -1)
        if row < 0:
            return f"unknown file name {quote(name)}"
        score = _number(text)
        if score is None:
            return f"the score {quote(text)} is not a finite number"
        if identity in self._refused:
            return f"{quote(identity)} is no candidate"
        if row != self._image:
            if self._best[row]:
                return f"a second list for {quote(name)}"
            self._image, self._listed, self._last = row, [], math.inf
            self._best[row], self._score[row] = identity, score
        return self._add(row, rank, identity, score)

    def _add(self, row: int, rank: str, identity: str, score: float) -> str | None:
        if rank != str(len(self._listed) + 1):
            return f"expected rank {len(self._listed) + 1}, found {quote(rank)}"
        if len(self._listed) == LISTED:
            return f"more than {LISTED} candidates"
        if identity in self._listed:
            return f"{quote(identity)} a second time in one list"
        if score > self._last:
            return f"the score {score:g} is higher than that of the rank before"
        self._listed.append(identity)
        self._last = score
        self._total[row] += score
        if identity == self._truth[row]:
            self._rank[row] = len(self._listed)
        return None


def _number(text: str) -> float | None:
    try:
        value = math.nan if "_" in text else float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
