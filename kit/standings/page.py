"""The local leaderboard as one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kit.files import replacing
from kit.reporting.document import static_document
from kit.reporting.parts import DASH, interval_text, rows_table, whisker, words
from kit.standings.analysis import Analysis
from kit.standings.boards import Board, Entry
from kit.standings.moves import commit_in_short
from kit.standings.remote_scores import remote_scores, shown

Judged = Analysis | str | None  # a text says why there is none

_TITLES = ("Submission", "Rank #", "95 % interval #", "0 to 1", "Group", "Leads public #",
           "private #")  # fmt: skip
_EXPLAINED = (
    "Ranked as the platform ranks: by the first score, then by the others, then the earlier run. "
    "Noise may explain the order of submissions that share a letter. The last shares say how often "
    "each one leads a random public part of the images, and how often the rest."
)


def write_page(
    judged: Sequence[tuple[Board, Judged]], remote: Sequence[dict[str, Any]], target: Path
) -> None:
    """Write the boards; the file appears whole or not at all.

    remote: what platforms tell of submissions. Raises WriteFailed.
    """
    body = [f"<p>{_EXPLAINED}</p>"]
    for board, analysis in judged:
        body += [f"<h2>{words(str(board.place))}</h2>", _table(board, analysis, remote)]
        if isinstance(analysis, str):
            body.append(f'<p class="note">No intervals: {words(analysis)}</p>')
    if not judged:
        body.append("<p>No run has ended here yet.</p>")
    with replacing(target, "the page of the leaderboard") as temporary:
        temporary.write_text(static_document("Local leaderboard", body), encoding="utf-8")


def _table(board: Board, analysis: Judged, remote: Sequence[dict[str, Any]]) -> str:
    cells = board.entries[0].record["leaderboard"]
    first = board.entries[0].primary
    others = [cell["key"] for cell in cells if cell is not first]
    scores = [f"{cell['title']} #" for cell in (first, *(c for c in cells if c is not first))]
    titles = [_TITLES[0], scores[0], *_TITLES[1:], *scores[1:], "Run", "Commit"]
    rows = [_cells(entry, analysis, others) for entry in board.entries]
    there = [shown(remote_scores(entry, remote)) for entry in board.entries]
    if any(there):
        titles.append("On the platform #")
        rows = [[*row, words(cell) or DASH] for row, cell in zip(rows, there, strict=True)]
    return rows_table("The best first", titles, rows)


def _cells(entry: Entry, analysis: Judged, others: Sequence[str]) -> list[str]:
    by_key = {cell["key"]: cell for cell in entry.record["leaderboard"]}
    shown = [words(str(by_key[key]["shown"])) if key in by_key else DASH for key in others]
    return [
        words(entry.name),
        f"<strong>{words(str(entry.primary['shown']))}</strong>",
        str(entry.rank),
        *_judged(entry, analysis),
        *shown,
        words(str(entry.record["started"])[:16]),
        words(commit_in_short(entry.record)),
    ]


def _judged(entry: Entry, analysis: Judged) -> list[str]:
    if not isinstance(analysis, Analysis):
        return [DASH, "", "", DASH, DASH]
    low, high = analysis.interval(entry)
    shares = [analysis.shake_up(entry).get(f"first_{part}") for part in ("public", "private")]
    return [
        interval_text(low, high),
        whisker(entry.primary.get("value"), low, high),
        analysis.letters(entry),
        *(DASH if one is None else f"{100 * one:.0f}\N{NO-BREAK SPACE}%" for one in shares),
    ]
