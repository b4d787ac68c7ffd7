"""Replace the part of a text file that a command writes, between two markers."""

from __future__ import annotations

from pathlib import Path


def markers(name: str) -> tuple[str, str]:
    return f"<!-- {name}:begin -->", f"<!-- {name}:end -->"


def read_block(path: Path, name: str) -> str:
    """The text between the markers. Raises ValueError where the file has no such pair."""
    begin, end = markers(name)
    text = path.read_text(encoding="utf-8")
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f"{path}: expected {begin} and, after it, {end}, once each")
    return text[text.index(begin) + len(begin) : text.index(end)]


def write_block(path: Path, name: str, content: str) -> None:
    """Put `content` between the markers, by way of a temporary file."""
    begin, end = markers(name)
    old = read_block(path, name)
    text = path.read_text(encoding="utf-8")
    text = text.replace(f"{begin}{old}{end}", f"{begin}\n{content.strip()}\n{end}")
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
