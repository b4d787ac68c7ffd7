"""Scores as the platform reads them, and as its leaderboard shows them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from kit.bundles import Bundle, Column
from kit.contract import MAX_ABS_SCORE, SCORES_FILES
from kit.errors import KitError
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


def read_scores(output: Path) -> dict[str, float]:
    """Read the scores of a scoring step by the kit's strict rule.

    Raises:
        KitError: no file, not readable, not a flat mapping of names to finite numbers.
    """
    written = read_written(output)
    if not isinstance(written.content, dict):
        raise KitError(
            f"{written.name}: expected names with numbers, found {type(written.content).__name__} "
            "(`key:1.0` without a space is one string in YAML)"
        )
    content = {str(key): number(value) for key, value in written.content.items()}
    problems = [line for key, value in content.items() if (line := _wrong(key, value))]
    if problems:
        raise KitError(f"{written.name}: the platform cannot store these scores", problems)
    return {key: float(value) for key, value in content.items()}


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
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{key}: expected a number, found {value!r}"
    if isinstance(value, float) and not math.isfinite(value):  # an int may be too long for it
        return f"{key}: expected a finite number, found {value}"
    if abs(value) >= MAX_ABS_SCORE:
        return f"{key}: {value} does not fit the platform's field (below {MAX_ABS_SCORE:g})"
    return ""


def leaderboard(bundle: Bundle, scores: dict[str, float]) -> list[Cell]:
    """Return the leaderboard's cells in its order, computed columns included."""
    by_index: dict[int, float | None] = {
        column.index: scores.get(column.key) for column in bundle.columns
    }
    for column in bundle.columns:
        if column.computation in _COMPUTATIONS:
            parts = [by_index.get(index) for index in column.computed_from]
            by_index[column.index] = _compute(column.computation, parts)
    return [Cell(column, by_index[column.index]) for column in bundle.columns]


def _compute(how: str, parts: Sequence[float | None]) -> float | None:
    numbers = [part for part in parts if part is not None]
    return _COMPUTATIONS[how](numbers) if numbers and len(numbers) == len(parts) else None


def missing_keys(cells: Sequence[Cell]) -> list[str]:
    """Return the keys of the leaderboard that the scores lack: n/a on the board."""
    return [cell.column.key for cell in cells if cell.value is None]


def primary(bundle: Bundle, cells: Sequence[Cell]) -> Cell | None:
    """Return the cell of the column that ranks the leaderboard."""
    return next((cell for cell in cells if cell.column.index == bundle.primary_index), None)
