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
from kit.yaml_text import parse_yaml

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


def scores_file(output: Path) -> Path | None:
    """The scores file that the platform would read, None where there is none."""
    return next((output / name for name in SCORES_FILES if (output / name).is_file()), None)


def read_scores(output: Path) -> dict[str, float]:
    """Read scores.json, else scores.txt, from a scoring step's output.

    Raises:
        KitError: no file, not readable, not a flat mapping of names to finite numbers.
    """
    path = scores_file(output)
    if path is None:
        found = ", ".join(sorted(item.name for item in output.iterdir())) or "nothing"
        raise KitError(
            f"expected the scoring program to write {' or '.join(SCORES_FILES)}, found {found}"
        )
    try:
        text = path.read_text(encoding="utf-8")
        content: Any = json.loads(text) if path.suffix == ".json" else parse_yaml(text)
    except (ValueError, RecursionError) as error:
        raise KitError(f"{path.name}: cannot be decoded: {error}") from error
    if not isinstance(content, dict):
        raise KitError(
            f"{path.name}: expected names with numbers, found {type(content).__name__} "
            "(`key:1.0` without a space is one string in YAML)"
        )
    content = {str(key): number(value) for key, value in content.items()}
    problems = [line for key, value in content.items() if (line := _wrong(key, value))]
    if problems:
        raise KitError(f"{path.name}: the platform cannot store these scores", problems)
    return {key: float(value) for key, value in content.items()}


def number(value: Any) -> Any:
    """A numeric string as a number: the server accepts it (YAML reads `1e-3` as a string)."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _wrong(key: Any, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{key}: expected a number, found {value!r}"
    if not math.isfinite(value):
        return f"{key}: expected a finite number, found {value}"
    if abs(value) >= MAX_ABS_SCORE:
        return f"{key}: {value} does not fit the platform's field (below {MAX_ABS_SCORE:g})"
    return ""


def leaderboard(bundle: Bundle, scores: dict[str, float]) -> list[Cell]:
    """The scores in the leaderboard's columns and order, computed columns included."""
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
    """The keys that the leaderboard has and the scores lack: n/a on the board."""
    return [cell.column.key for cell in cells if cell.value is None]


def primary(bundle: Bundle, cells: Sequence[Cell]) -> Cell | None:
    """The cell that ranks."""
    return next((cell for cell in cells if cell.column.index == bundle.primary_index), None)
