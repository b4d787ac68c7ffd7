"""Print for people (tables) and for programs (one JSON document).

All output of the kit leaves it here, so that no control character from outside and no hidden value
reaches a terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kit.control_characters import escaped
from kit.files import json_text
from kit.hidden_values import without_hidden

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
_WIDTH_OF_A_LOG = 160
_SPINNER = 3  # cells in front of the text


class _Screen(Console):
    """A console through which text passes escaped: lines, and the cells of tables."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(_shown(text), **options)


def console(wrap: bool = False) -> Console:
    """Return standard output, coloured on a terminal; names are never read as markup or emoji.

    Args:
        wrap: break long lines at the width of the terminal, or of a log.
    """
    screen = _Screen(highlight=False, markup=False, emoji=False, soft_wrap=not wrap)
    if wrap and not screen.is_terminal:
        screen.width = _WIDTH_OF_A_LOG
    return screen


def _shown(text: str) -> str:
    return escaped(without_hidden(text))


def say(text: str, err: bool = False) -> None:
    """Print plain text, on standard error where `err` is set."""
    click.echo(_shown(text), err=err)


def print_json(content: Any) -> None:
    """Print one JSON document on standard output."""
    click.echo(without_hidden(json_text(content)))


@contextmanager
def progress(first: str, quiet: bool) -> Iterator[Callable[[str], None] | None]:
    """Give a function that changes a line; None if `quiet` or in a log, which needs no progress."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    screen = Console(stderr=True)
    with screen.status(first) as status:
        yield lambda text: status.update(one_line(text, screen.width - _SPINNER))


def one_line(text: str, width: int) -> Text:
    """Return text of at most `width` cells: a longer line would wrap and leave its rest."""
    line = Text(_shown(text))
    line.truncate(width, overflow="ellipsis")
    return line


def table(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    numbers: Sequence[int] = (),
    styles: Sequence[str] = (),
    unbroken: Sequence[int] = (),
) -> Table:
    """Return a plain table.

    Args:
        titles: of the columns.
        rows: of cells.
        numbers: the columns that are aligned to the right.
        styles: of the rows, one each; none by default.
        unbroken: the columns whose cells stay on one line.
    """
    result = Table(box=None, pad_edge=False, header_style="bold")
    for position, title in enumerate(titles):
        justify = "right" if position in numbers else "left"
        result.add_column(
            title,
            justify=justify,  # type: ignore[arg-type]
            overflow="fold",
            no_wrap=position in unbroken,
        )
    for number, row in enumerate(rows):
        result.add_row(*row, style=styles[number] if styles else None)
    return result


def size(bytes_: int) -> str:
    """Return a number of bytes in words, such as 1.2 MB."""
    value = float(bytes_)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")
