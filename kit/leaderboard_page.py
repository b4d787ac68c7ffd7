"""The local leaderboard as one HTML page without links to anything outside."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from kit.control_characters import escaped
from kit.local_boards import Line, LocalBoard
from kit.ranking import cells_of

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 1rem auto; max-width: 70rem; padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border-bottom: 1px solid; padding: .25rem .6rem; text-align: left; white-space: nowrap; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
"""
_EXPLAINED = (
    "Ranked by the first column, then the next ones, then the earlier run. Runs of one group "
    "cannot be told from its first by the images."
)


def page(found: Sequence[LocalBoard]) -> str:
    """Return the boards as a page."""
    parts = [_board(board) for board in found] or ["<p>No run with scores.</p>"]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<title>Leaderboard</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>Leaderboard</h1><p>{_EXPLAINED}</p>\n"
        + "\n".join(parts)
        + "</body></html>\n"
    )


def _board(board: LocalBoard) -> str:
    titles = ["rank", "submission", *board.columns, "95 % interval", "group", "started", "commit"]
    head = "".join(f'<th scope="col">{_text(title)}</th>' for title in titles)
    rows = "\n".join(_row(rank, line) for rank, line in enumerate(board.lines, start=1))
    return (
        f"<h2>{_text(board.title)}</h2>\n<div class=wide><table><thead><tr>{head}</tr></thead>"
        f"<tbody>\n{rows}\n</tbody></table></div>"
    )


def _row(rank: int, line: Line) -> str:
    entry = line.entry
    scores = [str(cell.get("shown")) for cell in cells_of(entry)]
    numbers = [*scores, line.interval, "" if line.group is None else str(line.group)]
    cells = "".join(f"<td class=number>{_text(text)}</td>" for text in numbers)
    return (
        f"<tr><td class=number>{rank}</td>"
        f'<th scope="row">{_text(str(entry.record.get("submission")))}</th>{cells}'
        f"<td>{_text(entry.started[:16])}</td><td>{_text(entry.commit)}</td></tr>"
    )


def _text(text: str) -> str:
    return escape(escaped(text))
