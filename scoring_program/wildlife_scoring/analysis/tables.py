"""Tables as data: titles with the kind of their cells, and rows of plain values.

Kinds: "text"; "count"; "score" (a number); "share", whose cells are a part and its whole. None is
an empty cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MOST_ROWS = 1_000  # of a table, so that the page's size stays bounded


def table(
    title: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]], text: str = ""
) -> dict[str, Any]:
    """Return a table. columns: title and kind of each; text: how to read it, in a sentence."""
    assert all(len(row) == len(columns) for row in rows)
    return {
        "title": title,
        "text": text,
        "columns": [{"title": name, "kind": kind} for name, kind in columns],
        "rows": [list(row) for row in rows[:MOST_ROWS]],
        "all_rows": len(rows),
    }


def share(part: int, whole: int) -> list[int] | None:
    """Return a cell of the kind "share"; None where the whole is empty."""
    return [int(part), int(whole)] if whole else None
