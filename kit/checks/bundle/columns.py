"""The leaderboard of competition.yaml: keys, indexes, order, sorting.

Source: codalab/codabench leaderboards/models.py and api/serializers/leaderboards.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from kit.checks.bundle.keys import finding_at
from kit.competition import Competition, column_key, columns_of
from kit.findings.finding import Finding
from kit.server_fields import whole_number

_MOST_DIGITS = 100  # JavaScript's toFixed, with which the leaderboard shows scores
# Words of a metric's name that say plainly which way is better; a name with words of both lists, or
# with one that turns the meaning round, says nothing. "time", "distance", "rank", "score" and "map"
# are in neither: they are used both ways.
_LOWER = frozenset((
    "error", "errors", "loss", "logloss", "rmse", "mse", "mae", "mape", "rmsle", "seconds", "fpr",
    "fnr", "eer", "perplexity", "crps",
))  # fmt: skip
_HIGHER = frozenset((
    "accuracy", "auc", "auroc", "auprc", "recall", "f1", "tpr", "tnr", "iou", "dice", "kappa",
))  # fmt: skip
_TURNING = frozenset((
    "neg", "negative", "negated", "minus", "inverse", "inverted", "inv", "reciprocal", "opposite",
    "reduction", "reduced", "improvement", "improved", "gain", "decrease", "drop", "gap", "saved",
    "skill", "difference", "diff", "delta", "change", "rank", "ratio", "std", "variance", "free",
    "tolerance", "left", "remaining",
))  # fmt: skip
_ONE_MINUS = re.compile(r"\b(1|one)\s*[-−–]")


def check_leaderboards(competition: Competition) -> Iterator[Finding]:
    """Columns and their indexes; the platform takes all leaderboards and uses the first."""
    boards = competition.entries("leaderboards")
    if len(boards) > 1:
        found = f"{len(boards)} leaderboards; all phases use the first"
        yield finding_at(competition, "leaderboard-extra", found, "leaderboards", 1)
    for number, board in boards:
        yield from _columns(competition, number, board)
    for number, board in boards[:1]:
        yield from _ranking(competition, number, board)


def _columns(competition: Competition, number: int, board: dict[str, Any]) -> Iterator[Finding]:
    columns = columns_of(board)
    place = ("leaderboards", number, "columns")
    indexes = [whole_number(column.get("index")) for _, column in columns]
    keys = [column_key(column) for _, column in columns]
    named: tuple[tuple[str, Sequence[int | str | None]], ...] = (("index", indexes), ("key", keys))
    for what, values in named:
        twice = sorted({str(v) for v in values if v is not None and values.count(v) > 1})
        if twice:
            found = f"{what} {', '.join(twice)} is there more than once"
            yield finding_at(competition, "column-duplicate", found, *place)
    for position, column in columns:
        for found in _computation(column, indexes):
            text = f"column {column.get('key')}: {found}"
            yield finding_at(competition, "computation", text, *place, position)


def _ranking(competition: Competition, number: int, board: dict[str, Any]) -> Iterator[Finding]:
    columns, place = columns_of(board), ("leaderboards", number, "columns")
    indexes = [whole_number(column.get("index")) for _, column in columns]
    primary = board.get("primary_index", 0)
    if columns and whole_number(primary) not in indexes:
        found = f"no column has the primary index {primary!r}; indexes are {indexes}"
        yield finding_at(competition, "primary-missing", found, *place)
    for position, column in columns:
        yield from _digits(competition, (*place, position), column)
        yield from direction(competition, (*place, position), column)


def _digits(
    competition: Competition, place: tuple[str | int, ...], column: dict[str, Any]
) -> Iterator[Finding]:
    digits = whole_number(column.get("precision"))
    if "precision" not in column:
        found = f"column {column.get('key')}: no precision; 2 digits are shown"
        yield finding_at(competition, "precision-default", found, *place)
    elif digits is not None and not 0 <= digits <= _MOST_DIGITS:  # check_fields reports the rest
        found = f"precision: expected 0 to {_MOST_DIGITS} digits, found {digits}"
        yield finding_at(competition, "precision-malformed", found, *place, "precision")


def _computation(column: dict[str, Any], indexes: list[int | None]) -> Iterator[str]:
    """What the server refuses of a computed column, or cannot compute."""
    how, parts = column.get("computation"), column.get("computation_indexes")
    if "computation" in column and "computation_indexes" not in column:
        yield f"computation {how!r} without computation_indexes"
    elif parts and "computation" not in column:
        yield f"computation_indexes {parts!r} without computation"
    elif how and not parts:
        yield f"computation {how!r} of no columns: computation_indexes is {parts!r}"
    elif isinstance(parts, str) or not isinstance(parts, Iterable | None):
        if isinstance(parts, str) and parts.isdecimal():
            parts = list(parts)  # the server takes a text apart, letter by letter
        else:
            yield f"computation_indexes: expected a list such as [0, 1], found {parts!r}"
            return
    for part in parts or ():
        index = _index(part)
        if index is None or index not in indexes:
            yield f"there is no column {part!r}"
        elif index == whole_number(column.get("index")):
            yield "is computed from itself"


def _index(part: Any) -> int | None:
    try:
        return int(str(part))
    except ValueError:
        return None


def direction(
    competition: Competition, place: tuple[str | int, ...], column: dict[str, Any]
) -> Iterator[Finding]:
    """A sorting that ranks the worst first, where the column's name is plain about it."""
    sorting = column.get("sorting", "desc")
    name = f"{column.get('key')} {column.get('title')}".lower()
    words = set(re.split(r"[\W_]+", name))
    lower, higher = bool(words & _LOWER), bool(words & _HIGHER)
    if lower == higher or words & _TURNING or _ONE_MINUS.search(name):
        return
    if (lower and sorting == "desc") or (higher and sorting == "asc"):
        better = "lower" if lower else "higher"
        found = f"column {column.get('key')}: {better} is better by its name, sorted {sorting}"
        yield finding_at(competition, "sort-direction", found, *place)
