"""Read, check and align the two tables: the predictions and the reference.

Columns are plain lists, filled while the csv module streams the file: a million rows need no second
copy of it in memory. What is wrong with a table becomes a problem, not an exception, so that one
run tells everything.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wildlife_scoring.problems import Problems, name_some, quote

Truth = dict[str, list[str]]  # the columns of a reference table, by title
HEADER_WORDS = frozenset({"file", "filename", "file_name", "id", "image", "name"})


@dataclass(frozen=True)
class Predictions:
    """The rows of predictions.txt: names and values as written, in two lists of equal length."""

    path: Path
    names: list[str]
    values: list[str]


@dataclass(frozen=True)
class Aligned:
    """Two tables without problems: each image of the reference has its one prediction.

    truth: the columns of the track, each with one text a row; predicted: shape (rows,), what the
    track parsed, in the order of the reference; path: the file of the predictions.
    """

    truth: Truth
    predicted: NDArray[Any]
    path: Path


def aligned(
    reference: Path,
    predictions: Path | None,
    columns: Sequence[str],
    check_truth: Callable[[Path, Truth, Problems], None],
    parse: Callable[[Predictions, Problems], NDArray[Any]],
    problems: Problems,
) -> Aligned:
    """Read both tables, check them, and bring the predictions into the order of the reference.

    columns: those that the track needs, "filename" first. predictions: None where the file is
    missing, which is in `problems` then. Raises ScoringError that lists every problem of both
    tables, those that are in `problems` already among them.
    """
    truth = read_columns(reference, columns, problems)
    if truth is not None:
        # Not the file names: a space may belong to one, and the predictions have it too.
        for column in columns[1:]:
            truth[column] = [text.strip() for text in truth[column]]
        check_names(reference, truth["filename"], problems)
        check_truth(reference, truth, problems)
    given = read_predictions(predictions, problems) if predictions else None
    values = parse(given, problems) if given else None
    if truth is None or given is None or values is None or not truth["filename"]:
        problems.stop()
    rows = join(given, truth["filename"], problems)
    problems.stop_if_any()
    predicted = np.empty(len(rows), dtype=values.dtype)
    predicted[rows] = values
    return Aligned(truth, predicted, given.path)


def read_predictions(path: Path, problems: Problems) -> Predictions | None:
    """Read `filename,prediction` rows without a header.

    Blank lines are skipped, a byte order mark and CRLF are tolerated. None, and a problem, where
    the file is damaged or holds no usable row.
    """
    names: list[str] = []
    values: list[str] = []
    broken: list[str] = []
    with _reading(path, problems):
        for line, row in rows_of(path):
            if len(row) == 2:
                names.append(row[0])
                values.append(row[1])
            else:
                broken.append(f"line {line}: {','.join(row)}")
        if broken:
            advice = "write filename,prediction in each line, and quote a name that holds a comma"
            problems.add(path, _wrong_width(2, broken), advice)
        if names and names[0].strip().casefold() in HEADER_WORDS and _number(values[0]) is None:
            header = quote(f"{names.pop(0)},{values.pop(0)}")
            advice = "leave the header out: each line is one prediction"
            problems.add(path, f"expected a prediction, found a header line: {header}", advice)
        if not names and not broken:
            problems.add(
                path,
                "expected one line for each image, found none: the file is empty",
                "the prediction step (ingestion) probably failed: read its log first",
            )
        return Predictions(path, names, values) if names else None
    return None


def read_header(path: Path, problems: Problems) -> list[str]:
    """Return the column titles of a reference table; empty, and a problem, where it has none."""
    with _reading(path, problems):
        for _, row in rows_of(path):
            titles = _stripped(row)
            twice = sorted({title for title in titles if titles.count(title) > 1})
            if twice:
                found = f"expected each column once, found more of {name_some(twice, len(twice))}"
                problems.add(path, found, "keep one of each")
            return titles
        problems.add(path, "the reference table is empty", "put the table of the task here")
    return []


def read_columns(path: Path, wanted: Sequence[str], problems: Problems) -> Truth | None:
    """Return the wanted columns of a reference table; other columns are not kept in memory.

    Every wanted title has to be in the header. None, and a problem, where the file is damaged; rows
    of another length than the header are a problem and left out.
    """
    columns: Truth = {title: [] for title in wanted}
    broken: list[str] = []
    with _reading(path, problems):
        rows = rows_of(path)
        titles = _stripped(next(rows)[1])
        places = [(titles.index(title), columns[title].append) for title in wanted]
        for line, row in rows:
            if len(row) == len(titles):
                for place, append in places:
                    append(row[place])
            else:
                broken.append(f"line {line}: {','.join(row)}")
        if broken:
            advice = "complete the rows, and quote a field that holds a comma"
            problems.add(path, _wrong_width(len(titles), broken), advice)
        return columns
    return None


def check_names(path: Path, names: Sequence[str], problems: Problems) -> None:
    """Add a problem unless each row of a reference table has a file name of its own."""
    if not names:
        problems.add(path, "the reference table has no rows", "put the table of the task here")
    empty = names.count("")
    if empty:
        problems.add(path, f"{count(empty, 'row')} without a file name", "name each row's image")
    if len(set(names)) == len(names):
        return
    repeated = [name for name, times in Counter(names).items() if name and times > 1]
    if repeated:
        found = f"{count(len(repeated), 'duplicate file name')}: "
        found += name_some(repeated, len(repeated))
        problems.add(path, found, "keep one row for each image")


def join(
    predictions: Predictions, reference: Sequence[str], problems: Problems
) -> NDArray[np.intp]:
    """Return for each prediction the row of its image in the reference, -1 where it has none.

    reference: the file names. Images with no prediction or several, and predictions for unknown
    images, become problems.
    """
    row_of = dict(zip(reference, range(len(reference)), strict=True))
    found = map(row_of.get, predictions.names, repeat(-1))
    rows = np.fromiter(found, dtype=np.intp, count=len(predictions.names))
    times = np.bincount(rows[rows >= 0], minlength=len(reference))
    missing = [name for name, row in row_of.items() if times[row] == 0] if 0 in times else []
    repeated = [reference[row] for row in np.flatnonzero(times > 1).tolist()]
    unknown = dict.fromkeys(predictions.names[row] for row in np.flatnonzero(rows < 0).tolist())
    for names, what, advice in (
        (missing, "have no prediction (missing)", "write one line for each image"),
        (repeated, "have more than one prediction (duplicate)", "write one line for each image"),
    ):
        if names:
            among = f"{len(names)} of the {len(row_of)} images of the reference table"
            text = f"{among} {what}: {name_some(names, len(names))}"
            problems.add(predictions.path, text, advice)
    if unknown:
        text = f"{count(len(unknown), 'unknown name')}, not in the reference table: "
        text += name_some(unknown, len(unknown))
        advice = f"write the names exactly as they are there, such as {quote(reference[0])}"
        problems.add(predictions.path, text, advice)
    return rows


def parse_scores(given: Predictions, problems: Problems) -> NDArray[np.float64]:
    """Return the values as numbers, shape (rows,). Those not finite become one problem."""
    numbers = [_number(value) for value in given.values]
    scores = np.array(numbers, dtype=np.float64)  # None becomes NaN
    bad = np.flatnonzero(~np.isfinite(scores))
    if len(bad):
        shown = (f"{given.names[row]},{given.values[row]}" for row in bad.tolist())
        problems.add(
            given.path,
            f"{len(bad)} of {count(len(scores), 'score')} not a finite number: "
            f"{name_some(shown, len(bad))}",
            "write a number such as 0.1234 for each image: NaN, inf and text cannot be ranked",
        )
    return scores


def parse_labels(given: Predictions, problems: Problems, remedy: str) -> NDArray[np.object_]:
    """Return the labels as written, shape (rows,). Empty ones become a problem.

    remedy: what to do about them.
    """
    empty = [row for row, label in enumerate(given.values) if not label.strip()]
    if empty:
        problems.add(
            given.path,
            f"{len(empty)} of {count(len(given.names), 'label')} empty: "
            f"{name_some((given.names[row] for row in empty), len(empty))}",
            remedy,
        )
    return np.array(given.values, dtype=object)


def rows_of(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and fields of each row that is not blank."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        for row in reader:
            if row:
                yield reader.line_num, row


def count(number: int, noun: str) -> str:
    """Return the number with its noun, in the plural unless the number is 1."""
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"


def _number(text: str) -> float | None:
    try:
        # float() also reads "1_000", as Python source may be written; no CSV reader does.
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _stripped(row: Sequence[str]) -> list[str]:
    return [field.strip() for field in row]


def _wrong_width(width: int, broken: Collection[str]) -> str:
    found = f"another number in {count(len(broken), 'line')}"
    return f"expected {width} columns, found {found}: {name_some(broken, len(broken))}"


@contextmanager
def _reading(path: Path, problems: Problems) -> Iterator[None]:
    """Turn what a damaged file raises while it is read into a problem."""
    try:
        yield
    except UnicodeDecodeError:
        found = f"expected UTF-8 text, found other bytes in line {_first_undecodable_line(path)}"
        problems.add(path, found, "save the file as UTF-8")
    except csv.Error as error:
        problems.add(path, f"not a readable CSV file: {error}", "each quote needs its partner")


def _first_undecodable_line(path: Path) -> int:
    # The exception of the streaming decoder counts from the start of its buffer, not of the file.
    content = path.read_bytes()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        return content.count(b"\n", 0, error.start) + 1
    raise AssertionError(f"{path} is UTF-8 after all")
