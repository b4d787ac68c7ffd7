"""Print for people (tables) and for programs (one JSON document)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def console() -> Console:
    """Return standard output, coloured on a terminal; names are never read as markup."""
    return Console(highlight=False, markup=False, soft_wrap=True)


def print_json(content: Any) -> None:
    """Print one JSON document on standard output."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int]) -> Table:
    """Return a plain table; the columns in `numbers` are aligned to the right."""
    result = Table(box=None, pad_edge=False, header_style="bold")
    for position, title in enumerate(titles):
        justify = "right" if position in numbers else "left"
        result.add_column(title, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        result.add_row(*row)
    return result


def size(bytes_: int) -> str:
    """Return a number of bytes in words, such as 1.2 MB."""
    value = float(bytes_)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")
