"""The page around a track's report, and its parts: one HTML file, without links or scripts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

LONGEST_TEXT = 90  # a longer name from outside is cut, so that the page's size stays bounded

# Control characters, and those that turn the order of letters around.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def page(title: str, body: Sequence[str]) -> str:
    """Write a whole HTML document. title: plain text; body: pieces of HTML, already escaped."""
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def table(caption: str, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table whose cells are HTML, already escaped. Titles that end in " #" head numbers."""
    numeric = [title.endswith(" #") for title in titles]
    kind = [' class="number"' if n else "" for n in numeric]
    head = "".join(
        f'<th scope="col"{k}>{escape(title.removesuffix(" #"))}</th>'
        for title, k in zip(titles, kind, strict=True)
    )
    body = "\n".join(
        "<tr>" + "".join(f"<td{k}>{cell}</td>" for cell, k in zip(row, kind, strict=True)) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide"><table><caption>{escape(caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def figure(title: str, text: str, chart: str) -> str:
    """Write a chart with its title and a sentence on how to read it. title, text: plain."""
    caption = f"<figcaption><strong>{escape(title)}</strong> {escape(text)}</figcaption>"
    return f"<figure>{caption}{chart}</figure>"


def figures_section(title: str, text: str, figures: Sequence[str], columns: int) -> list[str]:
    """Write a heading, what the figures show, and the figures in a grid of 2 or 3 columns."""
    grid = f'<div class="grid{columns}">{"".join(figures)}</div>'
    return [f"<h2>{title}</h2>", f"<p>{text}</p>", grid]


def cards(items: Sequence[tuple[str, float, str]], kinds: Sequence[str] = ()) -> str:
    """Write the values that matter most in a row of cards.

    items: name and text in HTML, already escaped, around the value; kinds: a class of the style
    sheet for each card, none by default.
    """
    written = "".join(
        f'<div class="card {kind}"><span class="name">{name}</span><b>{value:.4f}</b>'
        f"<span>{text}</span></div>"
        for (name, value, text), kind in zip(items, kinds or [""] * len(items), strict=True)
    )
    return f'<div class="cards{"" if kinds else " fit"}">{written}</div>'


def bar(value: float) -> str:
    """Draw a value from 0 to 1 as a bar."""
    return f'<span class="bar"><i style="width:{100 * value:.1f}%"></i></span>'


def stack(parts: Sequence[int], kinds: Sequence[str]) -> str:
    """Draw a bar in pieces, one for each part and its class of the style sheet."""
    whole = max(sum(parts), 1)
    pieces = "".join(
        f'<i class="{kind}" style="width:{100 * part / whole:.1f}%"></i>'
        for part, kind in zip(parts, kinds, strict=True)
    )
    return f'<span class="bar stack">{pieces}</span>'


def share(part: int, whole: int) -> str:
    """Write a count and its share of the whole, a dash where the whole is empty."""
    return f"{part:,} ({percent(part / whole)})" if whole else "\u2013"


def notes_section(notes: Sequence[str]) -> list[str]:
    """Write what is odd about the input without being an error; nothing where nothing is."""
    if not notes:
        return []
    return ["<h2>Notes</h2>", f"<ul>{''.join(f'<li>{escape(note)}</li>' for note in notes)}</ul>"]


def shorten(text: str) -> str:
    r"""Escape a text from outside, ESC as \x1b, and cut it where it is very long."""
    text = text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "\u2026"
    return escape(_CONTROL.sub(lambda match: repr(match.group())[1:-1], text))


def percent(share: float) -> str:
    """Write 0.125 as 12.5 %."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def number(value: float, *, signed: bool = False) -> str:
    """Write a score with 4 decimals, or in short where it is huge; signed: with + or minus."""
    text = f"{value:+.4f}" if abs(value) < 1e9 else f"{value:+.5g}"
    return (text if signed else text.removeprefix("+")).replace("-", "\N{MINUS SIGN}", 1)
