"""Scores as the platform reads them, stores them, and as its leaderboard shows them.

Source: codalab/codabench compute_worker.py (`push_scores`), api/views/submissions.py
(`upload_submission_scores`) and competitions/models.py (`calculate_scores`) at c7dbc756. The server
takes the keys one by one in the order of the file, skips those without a column, stops at the first
that it cannot store, and computes the computed columns again after each key.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from kit.bundles import Bundle
from kit.contract import MAX_ABS_SCORE, SCORES_FILES
from kit.errors import KitError
from kit.leaderboards import Column
from kit.yaml_text import read_yaml

_COMPUTATIONS: dict[str, Callable[[list[float]], float]] = {
    "avg": fmean,
    "sum": math.fsum,
    "min": min,
    "max": max,
}


@dataclass(frozen=True)
class Cell:
    """One column of the leaderboard with its value; None where the scores lack the key."""

    column: Column
    value: float | None

    @property
    def shown(self) -> str:
        """The value as the board prints it: rounded to the column's precision."""
        return "n/a" if self.value is None else f"{self.value:.{self.column.precision}f}"


@dataclass(frozen=True)
class WrittenScores:
    """The file that a scoring program wrote, and what it holds, whatever that is."""

    name: str
    content: Any


class ScoresMissing(KitError):
    """The scoring program wrote no scores file."""


class ScoresUnreadable(KitError):
    """The scores file is not JSON or YAML; `reason` is the parser's own message."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: cannot be decoded: {reason}")
        self.reason = reason


def read_written(output: Path) -> WrittenScores:
    """Read scores.json, else scores.txt (as YAML), from a scoring step's output.

    Raises:
        ScoresMissing: the step wrote neither.
        ScoresUnreadable: the file cannot be parsed.
    """
    path = next((output / name for name in SCORES_FILES if (output / name).is_file()), None)
    if path is None:
        found = ", ".join(sorted(item.name for item in output.iterdir())) or "nothing"
        raise ScoresMissing(
            f"expected the scoring program to write {' or '.join(SCORES_FILES)}, found {found}"
        )
    try:
        is_json = path.suffix == ".json"
        content: Any = json.loads(path.read_text(encoding="utf-8")) if is_json else read_yaml(path)
    except (ValueError, RecursionError) as error:
        raise ScoresUnreadable(path.name, str(error)) from error
    return WrittenScores(path.name, content)


def read_scores(output: Path, keys: Collection[str] | None = None) -> dict[str, float]:
    """Read the scores of a scoring step by the kit's strict rule.

    Args:
        output: the step's output.
        keys: the leaderboard's; what is written under another key may be anything but a value that
            cannot be sent, and is left out unless it is a number. None asks for numbers only.

    Raises:
        KitError: no file, not readable, not a mapping of these keys to finite numbers.
    """
    written = read_written(output)
    if not isinstance(written.content, dict):
        raise KitError(
            f"{written.name}: expected names with numbers, found {type(written.content).__name__} "
            "(`key:1.0` without a space is one string in YAML)"
        )
    content = {str(key): number(value) for key, value in written.content.items()}
    judged = content if keys is None else {key: content[key] for key in content if key in keys}
    problems = [line for key, value in judged.items() if (line := _wrong(key, value))]
    others = {key: value for key, value in content.items() if key not in judged}
    if not problems and (why := why_unsendable(others)):
        problems = [f"a key without a column: {why}, so that the platform stores no score at all"]
    if problems:
        raise KitError(f"{written.name}: the platform cannot store these scores", problems)
    numbers = {key: value for key, value in others.items() if not isinstance(value, bool)}
    kept = judged | {key: value for key, value in numbers.items() if not _wrong(key, value)}
    return {key: float(kept[key]) for key in content if key in kept}


def why_unsendable(content: Any) -> str:
    """Say why the worker cannot send scores as JSON; empty where it can."""
    try:
        json.dumps(content, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        return str(error)
    return ""


def storable(value: Any) -> float | None:
    """Return the value as the server's DecimalField(20, 10) keeps it; None where it refuses.

    More lenient than `read_scores`: true counts as one.
    """
    found = number(value)
    if not isinstance(found, int | float) or abs(found) >= MAX_ABS_SCORE:
        return None
    return round(float(found), 10)


def number(value: Any) -> Any:
    """Return a numeric string as a number, as the server does (YAML reads `1e-3` as a string)."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _wrong(key: Any, value: Any) -> str:
    # True and false are numbers here, as the server stores them: 1 and 0.
    if not isinstance(value, int | float):
        return f"{key}: expected a number, found {value!r}"
    if isinstance(value, float) and not math.isfinite(value):  # an int may be too long for it
        return f"{key}: expected a finite number, found {value}"
    if abs(value) >= MAX_ABS_SCORE:
        return f"{key}: {value} does not fit the platform's field (below {MAX_ABS_SCORE:g})"
    return ""


@dataclass
class Stored:
    """What the server keeps of the scores that a program wrote.

    Attributes:
        values: by the columns' indexes, computed columns included.
        without_column: keys that it skips.
        refused: the key at which it stopped, with its value; keys after it are lost.
        written_computed: keys of computed columns that the program wrote itself.
        incomplete: for a computed column's key, the keys of its parts that are missing.
        booleans: keys whose value is true or false.
    """

    values: dict[int, float] = field(default_factory=dict)
    without_column: list[str] = field(default_factory=list)
    refused: tuple[str, Any] | None = None
    written_computed: list[str] = field(default_factory=list)
    incomplete: dict[str, list[str]] = field(default_factory=dict)
    booleans: list[str] = field(default_factory=list)


def store(content: Mapping[Any, Any], columns: Sequence[Column]) -> Stored:
    """Store scores as the server does, key by key."""
    stored = Stored()
    by_key = {column.key: column for column in columns}
    stored.without_column = [str(key) for key in content if str(key) not in by_key]
    for key, value in content.items():
        column = by_key.get(str(key))
        if column is None:
            continue
        score = storable(value)
        if column.computation in _COMPUTATIONS:
            stored.written_computed.append(column.key)
            if column.index in stored.values:
                break  # a second score of the column: the server ends with an error
        if score is None:
            stored.refused = (column.key, value)
            break
        if isinstance(value, bool):
            stored.booleans.append(column.key)
        stored.values[column.index] = score
        _compute_all(stored.values, columns)
    _find_incomplete(stored, columns)
    return stored


def _compute_all(values: dict[int, float], columns: Sequence[Column]) -> None:
    """Compute each computed column over those of its parts that have a score."""
    for column in sorted(columns, key=lambda column: column.index):
        if column.computation in _COMPUTATIONS:
            parts = [values[index] for index in column.computed_from if index in values]
            if parts:
                values[column.index] = round(_COMPUTATIONS[column.computation](parts), 10)


def _find_incomplete(stored: Stored, columns: Sequence[Column]) -> None:
    keys = {column.index: column.key for column in columns}
    for column in columns:
        if column.computation in _COMPUTATIONS:
            missing = [i for i in column.computed_from if i in keys and i not in stored.values]
            if missing:
                stored.incomplete[column.key] = [keys[index] for index in missing]


def computed_warnings(stored: Stored) -> list[str]:
    """Say what is odd about the computed columns, a sentence for each."""
    lines = [
        f"{key}: computed without {', '.join(missing)}, which the scores lack"
        for key, missing in stored.incomplete.items()
    ]
    return lines + [
        f"{key}: the platform computes this column; a value that the scoring program writes is "
        "overwritten, or counts twice in the ranking and loses the keys after it"
        for key in stored.written_computed
    ]


def leaderboard(bundle: Bundle, content: Mapping[Any, Any]) -> list[Cell]:
    """Return the leaderboard's cells in its order, computed columns included."""
    return cells_of(bundle, store(content, bundle.columns))


def cells_of(bundle: Bundle, stored: Stored) -> list[Cell]:
    """Return the leaderboard's cells for what the server has stored."""
    return [Cell(column, stored.values.get(column.index)) for column in bundle.columns]


def missing_keys(cells: Sequence[Cell]) -> list[str]:
    """Return the keys of the leaderboard that the scores lack: n/a on the board."""
    return [cell.column.key for cell in cells if cell.value is None]


def primary(bundle: Bundle, cells: Sequence[Cell]) -> Cell | None:
    """Return the cell of the column that ranks the leaderboard."""
    return next((cell for cell in cells if cell.column.index == bundle.primary_index), None)
