"""The leaderboard of competition.yaml: keys, indexes, order, sorting.

Source: codalab/codabench leaderboards/models.py and api/serializers/leaderboards.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kit.checks.bundle.competition import said, too_long
from kit.checks.bundle.located_yaml import Document
from kit.findings.finding import Finding

_RULES = (
    "Add", "Add_And_Delete", "Add_And_Delete_Multiple", "Force_Last", "Force_Latest_Multiple",
    "Force_Best",
)  # fmt: skip
_COMPUTATIONS = ("avg", "sum", "min", "max")
_MOST_DIGITS = 10
_KEYS = frozenset(
    ("title", "key", "index", "sorting", "computation", "computation_indexes", "hidden",
     "precision")
)  # fmt: skip
# Words of a metric's name that say which way is better; the first list wins.
_LOWER = frozenset((
    "error", "err", "loss", "rmse", "rms", "mse", "mae", "mape", "time", "seconds", "duration",
    "distance", "fpr", "fnr", "perplexity", "crps", "eer", "rank",
))  # fmt: skip
_HIGHER = frozenset((
    "accuracy", "acc", "auc", "auroc", "aupr", "recall", "precision", "f1", "tpr", "tnr", "map",
    "kappa", "iou", "dice", "score", "correlation",
))  # fmt: skip


def check_leaderboards(document: Document) -> Iterator[Finding]:
    """The first leaderboard, which is the one that the platform uses."""
    boards = document.entries("leaderboards")
    if len(boards) > 1:
        found = f"{len(boards)} leaderboards; all phases use the first"
        yield said(document, "leaderboard-extra", found, "leaderboards", 1)
    for number, board in boards[:1]:
        yield from _board(document, number, board)
        yield from _columns(document, number, board)


def _board(document: Document, number: int, board: dict[str, Any]) -> Iterator[Finding]:
    place = ("leaderboards", number)
    for key, most in (("title", 64), ("key", 36)):
        yield from too_long(document, board.get(key), most, *place, key)
        if not board.get(key):
            yield said(document, "required-missing", f"leaderboard: no {key}", *place)
    rule = board.get("submission_rule", "Add")
    if rule not in _RULES:
        found = f"submission_rule: expected one of {', '.join(_RULES)}, found {rule!r}"
        yield said(document, "rule-unknown", found, *place, "submission_rule")


def _columns(document: Document, number: int, board: dict[str, Any]) -> Iterator[Finding]:
    value = board.get("columns")
    listed = value if isinstance(value, list) else []
    columns = [(n, c) for n, c in enumerate(listed) if isinstance(c, dict)]
    place = ("leaderboards", number, "columns")
    if not columns:
        yield said(document, "column-malformed", "the leaderboard has no columns", *place)
        return
    indexes = [column.get("index") for _, column in columns]
    for what in ("index", "key"):
        values = [column[what] for _, column in columns if what in column]
        twice = sorted({str(value) for value in values if values.count(value) > 1})
        if twice:
            found = f"{what} {', '.join(twice)} is there more than once"
            yield said(document, "column-duplicate", found, *place)
    primary = board.get("primary_index", 0)
    if primary not in indexes:
        found = f"no column has the primary index {primary!r}; indexes are {indexes}"
        yield said(document, "primary-missing", found, *place)
    for position, column in columns:
        here = (*place, position)
        yield from _column(document, here, column)
        yield from _computation(document, here, column, indexes)
        yield from direction(document, here, column)


def _column(
    document: Document, place: tuple[str | int, ...], column: dict[str, Any]
) -> Iterator[Finding]:
    absent = [key for key in ("title", "key", "index") if column.get(key) in (None, "")]
    if absent:
        found = f"column {column.get('key') or column.get('title')}: no {', '.join(absent)}"
        yield said(document, "column-malformed", found, *place)
    for key in ("title", "key"):
        yield from too_long(document, column.get(key), 36, *place, key)
    sorting = column.get("sorting", "desc")
    if sorting not in ("asc", "desc"):
        found = f"sorting: expected asc or desc, found {sorting!r}"
        yield said(document, "sorting-unknown", found, *place, "sorting")
    digits = column.get("precision")
    if digits is None:
        found = f"column {column.get('key')}: no precision; 2 digits are shown"
        yield said(document, "precision-default", found, *place)
    elif isinstance(digits, bool) or not isinstance(digits, int) or not 0 <= digits <= _MOST_DIGITS:
        yield said(document, "precision-malformed", f"precision: {digits!r}", *place, "precision")
    for key in [key for key in column if key not in _KEYS]:
        found = f"column {column.get('key')}: {key}: the platform ignores it"
        yield said(document, "key-unknown", found, *place, str(key))


def _computation(
    document: Document, place: tuple[str | int, ...], column: dict[str, Any], indexes: list[Any]
) -> Iterator[Finding]:
    how, parts = column.get("computation"), column.get("computation_indexes")
    name = f"column {column.get('key')}"
    if (how is None) != (not parts):
        found = f"{name}: computation {how!r} with computation_indexes {parts!r}"
        yield said(document, "computation", found, *place)
    elif how is not None and how not in _COMPUTATIONS:
        found = f"{name}: computation: expected one of {', '.join(_COMPUTATIONS)}, found {how!r}"
        yield said(document, "computation", found, *place)
    named = re.findall(r"[^\s,\[\]']+", str(parts)) if parts else []
    for index in named:
        if not index.isdigit() or int(index) not in indexes:
            found = f"{name}: there is no column {index}"
            yield said(document, "computation", found, *place)
        elif int(index) == column.get("index"):
            yield said(document, "computation", f"{name}: is computed from itself", *place)


def direction(
    document: Document, place: tuple[str | int, ...], column: dict[str, Any]
) -> Iterator[Finding]:
    """A sorting that ranks the worst first, going by the column's name."""
    sorting = column.get("sorting", "desc")
    words = set(re.split(r"[\W_]+", f"{column.get('key')} {column.get('title')}".lower()))
    lower = bool(words & _LOWER)
    higher = bool(words & _HIGHER) and not lower
    if (lower and sorting == "desc") or (higher and sorting == "asc"):
        better = "lower" if lower else "higher"
        found = f"column {column.get('key')}: {better} is better by its name, sorted {sorting}"
        yield said(document, "sort-direction", found, *place)
