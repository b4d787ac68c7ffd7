"""Read the tables of truth and predictions, and collect every problem of both."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

Row = dict[str, str]
Pairs = list[tuple[Row, Row]]
_SHOWN = 10


def read_table(path: Path, columns: Sequence[str], problems: list[str]) -> list[Row]:
    """Return the rows of a CSV file that has the columns; else none, with a problem."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = [row for row in csv.DictReader(stream, restval="") if any(row.values())]
    except FileNotFoundError:
        problems.append(f"{path.name}: expected this file in {path.parent.name}/, found none")
        return []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        problems.append(f"{path.name}: expected a CSV file, found none that reads: {error}")
        return []
    found = list(rows[0]) if rows else []
    if lacking := [name for name in columns if name not in found]:
        problems.append(
            f"{path.name}: expected rows with the columns {', '.join(columns)}; found "
            + (f"no {', '.join(lacking)} among {', '.join(map(str, found))}" if rows else "no rows")
        )
        return []
    return rows


def paired(truth: list[Row], predicted: list[Row], key: str, problems: list[str]) -> Pairs:
    """Return each row of the truth with the prediction of the same key, in the truth's order.

    A key that is missing, unknown or there twice is a problem, and gives no pairs at all.
    """
    if not truth or not predicted:
        return []
    counts = Counter(row[key] for row in predicted)
    asked = Counter(row[key] for row in truth)
    wrong = {
        "in the truth more than once": [name for name in asked if asked[name] > 1],
        "without a prediction": [name for name in asked if not counts[name]],
        "predicted more than once": [name for name in counts if counts[name] > 1],
        "not in the truth": [name for name in counts if name not in asked],
    }
    found = [f"{key} {what}: {shown(names)}" for what, names in wrong.items() if names]
    problems += found
    answers = {row[key]: row for row in predicted}
    return [] if found else [(row, answers[row[key]]) for row in truth]


def whole_numbers(rows: Iterable[Row], key: str, column: str, problems: list[str]) -> None:
    """Add the rows whose column is no whole number, such as a class, to the problems."""
    wrong = [f"{row[key]} {row[column]}" for row in rows if not _is_whole(row[column])]
    if wrong:
        problems.append(f"{column}: expected a whole number, found for {key} {shown(wrong)}")


def as_whole(text: str) -> int:
    """Return a text as a whole number; pandas writes 3.0 for 3 where a column has a gap."""
    return int(float(text))


def number(text: str) -> float:
    """Return a text as a number, NaN where it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def shown(names: Sequence[str]) -> str:
    """Return the first names of a list, and how many more."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def rounded(value: float, decimals: int) -> float:
    """Round as numpy.round does, with which the published programs round."""
    factor = float(10**decimals)
    return round(value * factor) / factor


def _is_whole(text: str) -> bool:
    value = number(text)
    return math.isfinite(value) and value == int(value)
