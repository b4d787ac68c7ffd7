"""The table of all families, which the reader sorts without a script.

Each row carries its places in the orders on offer; a chosen radio button makes the style sheet take
one of them. The rows stand by name in the file, and tables keep their roles for screen readers.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wildlife_scoring.family.confusion import Pair
from wildlife_scoring.family.result import Scored
from wildlife_scoring.report.page import bar, shorten

SHOWN = 600  # families, so that the page's size stays bounded
ORDERS = ("lowest F1", "family", "phylum", "most images", "lowest recall", "lowest precision")
# The value comes right after the name, where a narrow screen still shows it.
TITLES = ("Family", "F1 #", "", "Recall #", "Precision #", "Images #", "Phylum", "Most taken for")


def family_table(scored: Scored, pairs: Sequence[Pair]) -> str:
    """Write the table; with more than SHOWN families, of those with the lowest F1."""
    found = scored.found
    phyla = [scored.phylum_of[name] for name in found.families]
    kept = np.argsort(found.f1, kind="stable")[:SHOWN]
    # One place for each row and order; NaN, no image named so, comes last.
    keys = (found.f1, np.arange(len(phyla)), _codes(phyla), -found.images, found.recall)
    places = [_places(key[kept]) for key in (*keys, found.precision)]
    mistaken = _mistaken(pairs)
    rows = [
        _row([place[at] for place in places], _cells(scored, int(row), mistaken))
        for at, row in sorted(enumerate(kept.tolist()), key=lambda item: item[1])
    ]
    head = "".join(_cell("columnheader", title.removesuffix(" #"), title) for title in TITLES)
    return (
        f'<div class="sorted">{_buttons()}<div class="wide"><div class="families" role="table" '
        f'aria-label="Families">'
        f'<div class="titles" role="row">{head}</div>{"".join(rows)}</div></div></div>'
    )


def _buttons() -> str:
    parts = ["<p>Sort by</p>"]
    for number, title in enumerate(ORDERS):
        checked = " checked" if number == 0 else ""
        parts.append(f'<input type="radio" name="order" id="order{number}"{checked}>')
        parts.append(f'<label for="order{number}">{escape(title)}</label>')
    return "".join(parts)


def _row(places: Sequence[int], cells: Sequence[str]) -> str:
    style = ";".join(f"--o{number}:{place}" for number, place in enumerate(places))
    written = (_cell("cell", text, title) for text, title in zip(cells, TITLES, strict=True))
    return f'<div role="row" style="{style}">{"".join(written)}</div>'


def _cell(role: str, text: str, title: str) -> str:
    kind = ' class="number"' if title.endswith(" #") else ""
    return f'<span role="{role}"{kind}>{text}</span>'


def _cells(scored: Scored, row: int, mistaken: dict[str, Pair]) -> tuple[str, ...]:
    found = scored.found
    name, precision = found.families[row], found.precision[row]
    pair = mistaken.get(name)
    other = f"{shorten(pair.predicted)} ({pair.images:,})" if pair else "\u2013"
    return (
        shorten(name),
        f"{found.f1[row]:.3f}",
        bar(found.f1[row]),
        f"{found.recall[row]:.3f}",
        "\u2013" if np.isnan(precision) else f"{precision:.3f}",
        f"{found.images[row]:,}",
        shorten(scored.phylum_of[name]),
        other,
    )


def _mistaken(pairs: Sequence[Pair]) -> dict[str, Pair]:
    """The most frequent wrong answer for each family that has one."""
    found: dict[str, Pair] = {}
    for pair in pairs:
        if pair.true != pair.predicted:
            found.setdefault(pair.true, pair)
    return found


def _codes(texts: Sequence[str]) -> NDArray[np.intp]:
    return np.unique(np.array(texts, dtype=np.str_), return_inverse=True)[1]


def _places(keys: NDArray[Any]) -> list[int]:
    places = np.empty(len(keys), dtype=np.intp)
    places[np.argsort(keys, kind="stable")] = np.arange(len(keys))
    return [int(place) for place in places]
