"""The leaderboard of competition.yaml: keys, indexes, order, sorting.

Source: codalab/codabench leaderboards/models.py and api/serializers/leaderboards.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from kit.checks.bundle.keys import finding_at, too_long
from kit.competition import COLUMN_KEYS, Competition, column_key, columns_of, whole_number
from kit.findings.finding import Finding

_RULES = (
    "Add", "Add_And_Delete", "Add_And_Delete_Multiple", "Force_Last", "Force_Latest_Multiple",
    "Force_Best",
)  # fmt: skip
_COMPUTATIONS = ("avg", "sum", "min", "max")
_MOST_DIGITS = 10
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
    """The first leaderboard, which is the one that the platform uses."""
    boards = competition.entries("leaderboards")
    if len(boards) > 1:
        found = f"{len(boards)} leaderboards; all phases use the first"
        yield finding_at(competition, "leaderboard-extra", found, "leaderboards", 1)
    for number, board in boards[:1]:
        yield from _board(competition, number, board)
        yield from _columns(competition, number, board)


def _board(competition: Competition, number: int, board: dict[str, Any]) -> Iterator[Finding]:
    place = ("leaderboards", number)
    for key, most in (("title", 64), ("key", 36)):
        yield from too_long(competition, board.get(key), most, *place, key)
        if not board.get(key):
            yield finding_at(competition, "required-missing", f"leaderboard: no {key}", *place)
    rule = board.get("submission_rule", "Add")
    if rule not in _RULES:
        found = f"submission_rule: expected one of {', '.join(_RULES)}, found {rule!r}"
        yield finding_at(competition, "rule-unknown", found, *place, "submission_rule")


def _columns(competition: Competition, number: int, board: dict[str, Any]) -> Iterator[Finding]:
    columns = columns_of(board)
    place = ("leaderboards", number, "columns")
    if not columns:
        yield finding_at(competition, "column-malformed", "the leaderboard has no columns", *place)
        return
    if len(columns) < len(board["columns"]):
        yield finding_at(competition, "column-malformed", "a column is no mapping", *place)
    indexes = [whole_number(column.get("index")) for _, column in columns]
    keys = [column_key(column) for _, column in columns]
    named: tuple[tuple[str, Sequence[int | str | None]], ...] = (("index", indexes), ("key", keys))
    for what, values in named:
        twice = sorted({str(v) for v in values if v is not None and values.count(v) > 1})
        if twice:
            found = f"{what} {', '.join(twice)} is there more than once"
            yield finding_at(competition, "column-duplicate", found, *place)
    primary = board.get("primary_index", 0)
    if whole_number(primary) not in indexes:
        found = f"no column has the primary index {primary!r}; indexes are {indexes}"
        yield finding_at(competition, "primary-missing", found, *place)
    for position, column in columns:
        here = (*place, position)
        yield from _column(competition, here, column)
        yield from _computation(competition, here, column, indexes)
        yield from direction(competition, here, column)


def _column(
    competition: Competition, place: tuple[str | int, ...], column: dict[str, Any]
) -> Iterator[Finding]:
    read = {
        "title": column.get("title") or None,
        "key": column_key(column),
        "index": whole_number(column.get("index")),
    }
    absent = [name for name, value in read.items() if value is None]
    if absent:
        found = f"column {column.get('key') or column.get('title')}: no {', '.join(absent)}"
        yield finding_at(competition, "column-malformed", found, *place)
    for key in ("title", "key"):
        yield from too_long(competition, column.get(key), 36, *place, key)
    sorting = column.get("sorting", "desc")
    if sorting not in ("asc", "desc"):
        found = f"sorting: expected asc or desc, found {sorting!r}"
        yield finding_at(competition, "sorting-unknown", found, *place, "sorting")
    digits = column.get("precision")
    if digits is None:
        found = f"column {column.get('key')}: no precision; 2 digits are shown"
        yield finding_at(competition, "precision-default", found, *place)
    elif isinstance(digits, bool) or not isinstance(digits, int) or not 0 <= digits <= _MOST_DIGITS:
        yield finding_at(
            competition, "precision-malformed", f"precision: {digits!r}", *place, "precision"
        )
    for key in [key for key in column if key not in COLUMN_KEYS]:
        found = f"column {column.get('key')}: {key}: the platform ignores it"
        yield finding_at(competition, "key-unknown", found, *place, str(key))


def _computation(
    competition: Competition,
    place: tuple[str | int, ...],
    column: dict[str, Any],
    indexes: list[Any],
) -> Iterator[Finding]:
    how, parts = column.get("computation"), column.get("computation_indexes")
    name = f"column {column.get('key')}"
    if (how is None) != (not parts):
        found = f"{name}: computation {how!r} with computation_indexes {parts!r}"
        yield finding_at(competition, "computation", found, *place)
    elif how is not None and how not in _COMPUTATIONS:
        found = f"{name}: computation: expected one of {', '.join(_COMPUTATIONS)}, found {how!r}"
        yield finding_at(competition, "computation", found, *place)
    named = re.findall(r"[^\s,\[\]']+", str(parts)) if parts else []
    for index in named:
        if not index.isdigit() or int(index) not in indexes:
            found = f"{name}: there is no column {index}"
            yield finding_at(competition, "computation", found, *place)
        elif int(index) == whole_number(column.get("index")):
            yield finding_at(competition, "computation", f"{name}: is computed from itself", *place)


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
