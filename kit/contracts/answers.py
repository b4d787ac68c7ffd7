"""Compare a file of predictions with what its contract wants."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from kit.contracts.arrays import array_problems
from kit.contracts.reading import Contract, Wanted
from kit.contracts.recognising import Rows, asked_rows, read_table
from kit.errors import KitError
from kit.findings.finding import Finding, shown

_MISSING = "answers-missing"
# pandas writes whole numbers so where a column has a gap; its merge takes both for one.
_WHOLE = re.compile(r"^(\d+)\.0+$")


def answer_problems(
    output: Path, contract: Contract, data: Path, truth: Path | None = None
) -> Iterator[Finding]:
    """Say what of the predictions would stop the scoring, or would not be scored.

    Args:
        output: the folder that holds them.
        contract: what they have to look like.
        data: the input data that they are about.
        truth: the reference data, for a contract whose keys stand there; None where hidden.
    """
    wanted = contract.answer
    if wanted.arrays:
        yield from array_problems(output, wanted.arrays, data)
        return
    try:
        rows = read_answers(output, wanted)
    except KitError:
        files = shown(sorted(path.name for path in output.iterdir())) or "nothing"
        yield Finding(_MISSING, wanted.file, f"expected this file at the root, found {files}")
        return
    if not rows:
        found = f"expected a row for each {wanted.key}, found none that reads"
        yield Finding(_MISSING, wanted.file, found)
        return
    columns = list(rows[0])
    if lacking := [name for name in wanted.columns if name not in columns]:
        yield Finding(_MISSING, wanted.file, _columns_problem(wanted, lacking, columns))
        return
    keys = _wanted_keys(contract, data, truth)
    yield from _rows(rows, wanted, keys, bool(contract.table.truth))
    if wanted.ordered and keys:
        yield from _order([row[wanted.key] for row in rows], keys, wanted)
    yield from _beginnings(rows, contract, data)
    if wanted.number:
        yield from _numbers(rows, wanted)
    if wanted.whole and (wrong := [row for row in rows if not _is_whole(row[wanted.whole])]):
        named = shown([f"{row[wanted.key]} {row[wanted.whole]}" for row in wrong])
        found = f"expected whole numbers as {wanted.whole}, found for {wanted.key} {named}"
        yield Finding(_MISSING, wanted.file, found)


def read_answers(folder: Path, wanted: Wanted) -> Rows:
    """Return the rows of the file of predictions, each column under its first name.

    Raises:
        KitError: there is no such file, or it cannot be read.
    """
    return [
        {name: row[other] for name, other in wanted.instead.items() if other in row} | row
        for row in read_table(folder, wanted.file)
    ]


def _columns_problem(wanted: Wanted, lacking: Sequence[str], columns: Sequence[str]) -> str:
    names = [
        f"{name} (or {wanted.instead[name]})" if name in wanted.instead else name
        for name in wanted.columns
    ]
    found = f"found no {', '.join(lacking)}; its columns are {shown(columns)}"
    return f"expected the columns {', '.join(names)}, {found}"


def _wanted_keys(contract: Contract, data: Path, truth: Path | None) -> list[str] | None:
    """Return what the predictions have to be about, once each; None where that is hidden."""
    key, table = contract.answer.key, contract.table
    if not table.truth:
        return list(dict.fromkeys(row[key] for row in asked_rows(data, table)))
    try:
        rows = read_table(truth, table.truth) if truth else []
    except KitError:
        return None  # the organiser's own file, which the scoring program complains about
    return list(dict.fromkeys(row[key] for row in rows if key in row)) or None


def _rows(
    rows: Rows, wanted: Wanted, known: Sequence[str] | None, is_part: bool
) -> Iterator[Finding]:
    """Compare the keys of the rows with those known; with `is_part` there may be more."""
    counts = Counter(_WHOLE.sub(r"\1", row[wanted.key]) for row in rows)
    keys = list(counts) if known is None else known
    asked = [*keys, *counts] if is_part else keys
    problems = {
        "without a prediction": [key for key in keys if not counts[key]],
        f"with other than {wanted.rows} rows": [
            key for key in keys if counts[key] not in (0, wanted.rows)
        ],
        "not in the input data": sorted(set(counts) - set(asked)),
    }
    for what, found in problems.items():
        if found:
            yield Finding(_MISSING, wanted.file, f"{wanted.key} {what}: {shown(found)}")


def _order(found: Sequence[str], keys: Sequence[str], wanted: Wanted) -> Iterator[Finding]:
    pairs = enumerate(zip(found, keys, strict=False), start=1)
    moved = next((one for one in pairs if one[1][0] != one[1][1]), None)
    if moved and sorted(found) == sorted(keys):
        number, (given, asked) = moved
        text = f"row {number}: expected {wanted.key} {asked}, the order of the table, found {given}"
        yield Finding(_MISSING, wanted.file, text)


def _beginnings(rows: Rows, contract: Contract, data: Path) -> Iterator[Finding]:
    for column, form in contract.answer.begins.items():
        asked = asked_rows(data, contract.table)
        allowed = tuple(dict.fromkeys(form.format_map(row) for row in asked))
        if wrong := [row[column] for row in rows if not row[column].startswith(allowed)]:
            text = f"expected {column} to begin with {' or '.join(allowed)}, found {shown(wrong)}"
            yield Finding(_MISSING, contract.answer.file, text)


def _numbers(rows: Rows, wanted: Wanted) -> Iterator[Finding]:
    infinite, negative = [], []
    for row in rows:
        place = " ".join(row[name] for name in wanted.columns)
        value = _number(row[wanted.number])
        if not math.isfinite(value):
            infinite.append(place)
        elif value < 0 and wanted.not_negative.items() <= row.items() and wanted.not_negative:
            negative.append(place)
    if infinite:
        yield Finding("return-not-finite", wanted.file, shown(infinite))
    if negative:
        yield Finding("answers-negative", wanted.file, shown(negative))


def _is_whole(text: str) -> bool:
    value = _number(text)
    return math.isfinite(value) and value == int(value)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
