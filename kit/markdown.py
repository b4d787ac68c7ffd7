"""Markdown that commands write: a block between two markers of a file, and tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kit.files import replacing


def markers(name: str) -> tuple[str, str]:
    """Return the two lines around the block of that name."""
    return f"<!-- {name}:begin -->", f"<!-- {name}:end -->"


def block_in(text: str, name: str) -> str:
    """Return what stands between the markers in `text`.

    Raises ValueError: `text` does not hold the two markers once each, in this order.
    """
    begin, end = markers(name)
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f"expected {begin} and, after it, {end}, once each")
    return text[text.index(begin) + len(begin) : text.index(end)]


def filled(text: str, name: str, content: str) -> str:
    """Return `text` with `content` between the markers. Raises ValueError as `block_in` does."""
    begin, end = markers(name)
    old = block_in(text, name)
    return text.replace(f"{begin}{old}{end}", f"{begin}\n{content.strip()}\n{end}")


def read_block(path: Path, name: str) -> str:
    """Return the text between the markers in a file.

    Raises ValueError, with the path: the file does not hold the two markers once each, in this
    order.
    """
    try:
        return block_in(path.read_text(encoding="utf-8"), name)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def write_block(path: Path, name: str, content: str) -> bool:
    """Put `content` between the markers, in one step; return whether the file changed.

    Raises ValueError as `read_block` does.
    """
    read_block(path, name)
    before = path.read_text(encoding="utf-8")
    after = filled(before, name, content)
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
