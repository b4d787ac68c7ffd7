"""The leaderboard's columns, as running and showing scores needs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kit.competition import Competition, column_key, columns_of, refuse_no_mappings, shown_value
from kit.contract import DEFAULT_PRECISION
from kit.server_fields import flag_of, whole_number


@dataclass(frozen=True)
class Column:
    """One column of the leaderboard. `computed_from` holds indexes of other columns."""

    key: str
    title: str
    index: int
    sorting: str
    precision: int
    hidden: bool
    computation: str | None
    computed_from: tuple[int, ...]


def read_columns(competition: Competition, problems: list[str]) -> tuple[list[Column], int]:
    """Read the first leaderboard's columns and the index of the one that ranks.

    The platform attaches that leaderboard to all phases. What is wrong is added to `problems`.
    """
    refuse_no_mappings("leaderboards", competition.content.get("leaderboards"), problems)
    found = competition.board()
    if found is None:
        return [], 0
    _, board = found
    refuse_no_mappings("columns", board.get("columns"), problems)
    columns = [column for _, entry in columns_of(board) if (column := _column(entry, problems))]
    for what, values in (
        ("index", [column.index for column in columns]),
        ("key", [column.key for column in columns]),
    ):
        if len(set(values)) < len(values):
            problems.append(f"leaderboard: every column needs its own {what}, found {values}")
    primary = board.get("primary_index", 0)
    if columns and whole_number(primary) not in [column.index for column in columns]:
        problems.append(f"leaderboard: no column has the primary index {primary!r}")
    return columns, whole_number(primary) or 0


def _column(entry: dict[str, Any], problems: list[str]) -> Column | None:
    key, index = column_key(entry), whole_number(entry.get("index"))
    if key is None or index is None:
        problems.append(f"leaderboard column: expected key and index, found {shown_value(entry)}")
        return None
    computed = entry.get("computation_indexes") or ()
    if isinstance(computed, str):
        computed = list(computed)  # the server takes a text apart, letter by letter
    if not isinstance(computed, list | tuple):
        computed = ()
    precision = whole_number(entry.get("precision"))
    return Column(
        key=key,
        title=str(entry.get("title") or key),
        index=index,
        sorting=str(entry.get("sorting") or "desc"),
        precision=DEFAULT_PRECISION if precision is None else precision,
        hidden=bool(flag_of(entry.get("hidden"))),
        computation=entry.get("computation") or None,
        computed_from=tuple(int(item) for item in computed if str(item).isdigit()),
    )
