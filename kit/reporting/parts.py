"""Pieces of a report's HTML: numbers, tables that sort, small charts of intervals."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from kit.control_characters import escaped

DASH = "\N{EN DASH}"
LONG = 25  # rows above which a table scrolls by itself
LONGEST_TEXT = 90  # a longer name from outside is cut


def plain(text: str) -> str:
    """Cut a text from outside where it is very long, and make its control characters visible."""
    short = (
        text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "\N{HORIZONTAL ELLIPSIS}"
    )
    return escaped(short)


def words(text: str) -> str:
    """Return a text from outside as HTML."""
    return escape(plain(text))


def number(value: float | None, signed: bool = False) -> str:
    """Write a score with 4 decimals, a dash where there is none."""
    if value is None:
        return DASH
    text = f"{value:+.4f}" if abs(value) < 1e9 else f"{value:+.5g}"
    return (text if signed else text.removeprefix("+")).replace("-", "\N{MINUS SIGN}", 1)


def interval_text(low: float | None, high: float | None) -> str:
    """Write the ends of an interval of scores, a dash where there is none."""
    if low is None or high is None:
        return DASH
    between = DASH if low >= 0 else " to "
    return f"{number(low)}{between}{number(high)}"


def percent(part: float, whole: float) -> str:
    """Write a share as 12.5 %."""
    return f"{100 * part / whole:.1f}\N{NO-BREAK SPACE}%"


def table(content: dict[str, Any]) -> str:
    """Write a table of the analysis; each heading is a button that sorts by its column."""
    columns = content["columns"]
    head = "".join(
        f'<th scope="col" aria-sort="none"{_kind(column)}><button type="button">'
        f"{words(column['title'])}</button></th>"
        for column in columns
    )
    body = "\n".join(
        "<tr>"
        + "".join(
            _cell(value, column, at)
            for at, (value, column) in enumerate(zip(row, columns, strict=True))
        )
        + "</tr>"
        for row in content["rows"]
    )
    shown, total = len(content["rows"]), content["all_rows"]
    more = f" ({shown:,} of {total:,})" if shown < total else ""
    return static_table(f"{content['title']}{more}", head, body, "sortable", shown > LONG)


def static_table(caption: str, head: str, body: str, kind: str = "", is_long: bool = False) -> str:
    """Write a table of rows in HTML; it scrolls by itself where it is too wide, or long."""
    name = words(caption)
    return (
        f'<div class="wide{" long" if is_long else ""}" role="region" aria-label="{name}" '
        'tabindex="0">'
        f'<table class="{kind}"><caption>{name}</caption>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def rows_table(caption: str, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table whose cells are HTML. Titles that end in " #" head numbers."""
    numeric = [' class="number"' if title.endswith(" #") else "" for title in titles]
    head = "".join(
        f'<th scope="col"{kind}>{words(title.removesuffix(" #"))}</th>'
        for title, kind in zip(titles, numeric, strict=True)
    )
    body = "\n".join(
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(row[1:], numeric[1:], strict=True))
        + "</tr>"
        for row in rows
    )
    return static_table(caption, head, body)


def figure(content: dict[str, Any]) -> str:
    """Write a chart of the analysis, whose SVG the scoring program drew."""
    title, text = words(content["title"]), escape(content["text"])
    caption = f"<figcaption><strong>{title}</strong> {text}</figcaption>" if title or text else ""
    return f"<figure>{caption}{content['svg']}</figure>"


def whisker(value: float | None, low: float | None, high: float | None) -> str:
    """Draw a score from 0 to 1 with its interval; nothing where one of them is missing."""
    if value is None or low is None or high is None or min(low, value) < 0 or max(high, value) > 1:
        return ""
    return (
        '<svg class="whisker" viewBox="-2 0 104 12" aria-hidden="true">'
        '<path class="track" d="M0 6H100"/>'
        f'<path class="span" d="M{100 * low:.1f} 6H{100 * high:.1f}"/>'
        f'<circle cx="{100 * value:.1f}" cy="6" r="3.4"/></svg>'
    )


def _kind(column: dict[str, str]) -> str:
    return "" if column["kind"] == "text" else ' class="number"'


def _cell(value: Any, column: dict[str, str], at: int) -> str:
    shown, key = _shown(value, column["kind"])
    if at == 0:
        return f'<th scope="row" data-v="{key}">{shown}</th>'
    return f'<td{_kind(column)} data-v="{key}">{shown}</td>'


def _shown(value: Any, kind: str) -> tuple[str, str]:
    """Return a cell in words, and what the column is sorted by (empty: last)."""
    if value is None:
        return DASH, ""
    if kind == "share":
        part, whole = value
        return f"{part:,} of {whole:,} ({percent(part, whole)})", f"{part / whole:.6f}"
    if kind == "count":
        return f"{value:,}", str(value)
    if kind == "score":
        return number(value), repr(value)
    return words(value), words(value)
