"""Compare a file of predictions with what its contract wants."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from kit.contracts.reading import Contract, Wanted
from kit.contracts.recognising import Rows, asked_rows, read_table
from kit.errors import KitError
from kit.findings.finding import Finding, shown

_MISSING = "answers-missing"


def wanted_keys(contract: Contract, data: Path) -> list[str]:
    """Return what the predictions have to be about: each call or row of the input data, once.

    Raises:
        KitError: the table of the input data cannot be read.
    """
    rows = asked_rows(data, contract.table)
    return list(dict.fromkeys(row[contract.answer.key] for row in rows))


def answer_problems(output: Path, contract: Contract, keys: Sequence[str]) -> Iterator[Finding]:
    """Say what of the file of predictions would stop the scoring, or lose predictions.

    Args:
        output: the folder that holds the file.
        contract: what it has to look like.
        keys: what it has to be about.
    """
    wanted = contract.answer
    try:
        rows = read_table(output, wanted.file)
    except KitError:
        files = shown(sorted(path.name for path in output.iterdir())) or "nothing"
        yield Finding(_MISSING, wanted.file, f"expected this file at the root, found {files}")
        return
    columns = list(rows[0]) if rows else []
    if lacking := [name for name in wanted.columns if name not in columns]:
        found = f"expected the columns {', '.join(wanted.columns)}, found no {', '.join(lacking)}"
        yield Finding(_MISSING, wanted.file, found)
        return
    yield from _rows(rows, wanted, keys)
    if wanted.number:
        yield from _numbers(rows, wanted)


def _rows(rows: Rows, wanted: Wanted, keys: Sequence[str]) -> Iterator[Finding]:
    counts = Counter(row[wanted.key] for row in rows)
    problems = {
        "without a prediction": [key for key in keys if not counts[key]],
        f"with other than {wanted.rows} rows": [
            key for key in keys if counts[key] not in (0, wanted.rows)
        ],
        "not in the input data": sorted(set(counts) - set(keys)),
    }
    for what, found in problems.items():
        if found:
            yield Finding(_MISSING, wanted.file, f"{wanted.key} {what}: {shown(found)}")


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


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
