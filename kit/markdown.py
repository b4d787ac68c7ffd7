"""Markdown that commands write: a block between two markers of a file, and tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kit.files import replacing


def markers(name: str) -> tuple[str, str]:
    """Return the two lines around the block of that name."""
    return f"<!-- {name}:begin -->", f"<!-- {name}:end -->"


def read_block(path: Path, name: str) -> str:
    """Return the text between the markers.

    Raises ValueError: the file does not hold the two markers once each, in this order.
    """
    begin, end = markers(name)
    text = path.read_text(encoding="utf-8")
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f"{path}: expected {begin} and, after it, {end}, once each")
    return text[text.index(begin) + len(begin) : text.index(end)]


def write_block(path: Path, name: str, content: str) -> bool:
    """Put `content` between the markers, in one step; return whether the file changed.

    Raises ValueError as `read_block` does.
    """
    begin, end = markers(name)
    old = read_block(path, name)
    before = path.read_text(encoding="utf-8")
    after = before.replace(f"{begin}{old}{end}", f"{begin}\n{content.strip()}\n{end}")
    if after != before:
        with replacing(path) as temporary:
            temporary.write_text(after, encoding="utf-8")
    return after != before


def table(
    titles: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()
) -> list[str]:
    """Return the lines of a table; the columns in `numbers` are aligned to the right."""
    rule = ("---:" if column in numbers else "---" for column in range(len(titles)))
    lines = [titles, *rows]
    text = [f"| {' | '.join(line)} |" for line in lines]
    return [text[0], f"|{'|'.join(rule)}|", *text[1:]]
