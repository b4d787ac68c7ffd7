"""YAML that is small to write and large to read: nested, aliased, merged, long.

A fuzzer that changes bytes does not come upon seven levels of ten aliases. Here two bytes name a
shape and a number, and each value holds the one before it, so that any bytes are such a document.
"""

from __future__ import annotations

from collections.abc import Callable

# Where readers look for values; other values get a key of their own.
_READ_KEYS = (
    "version", "title", "image", "terms", "pages", "tasks", "solutions", "phases", "leaderboards",
    "fact_sheet", "docker_image", "description", "command", "track", "score",
)  # fmt: skip


def _aliases(last: str, count: int) -> str:
    return "[" + ", ".join([last] * count) + "]"


def _block(last: str, count: int) -> str:
    lines = ["  " * (level + 1) + f"n{level}:" for level in range(count)]
    return "\n" + "\n".join(lines) + f" {last}"


_SHAPES: tuple[Callable[[str, int], str], ...] = (
    _aliases,
    lambda last, count: "{" + ", ".join(f"m{item}: {last}" for item in range(count)) + "}",
    lambda last, count: "{<<: " + _aliases(last, count) + f", own{count}: 1}}",
    lambda last, count: "[" * count + last + "]" * count,
    lambda last, count: "{a: " * count + last + "}" * count,
    _block,
    lambda last, count: "9" * (count * count),
    lambda last, count: "0x" + "f" * (count * count),
    lambda last, count: ":".join(["1"] * (count + 1)) + ".5",
    lambda last, count: "x" * (count * count),
    lambda last, count: f"{{index: {count}, name: {last}, tasks: [{last}], file: {last}}}",
    lambda last, count: f"[{{index: {count}, columns: [{{key: {last}}}], title: {last}}}]",
)


def document(data: bytes) -> str:
    """Return the document that bytes describe; it need not be valid."""
    lines = ["first: &v0 {x: y}"]
    for number, (shape, count) in enumerate(zip(data[::2], data[1::2], strict=False)):
        key = _READ_KEYS[count % len(_READ_KEYS)] if shape >= 128 else f"k{number}"
        value = _SHAPES[shape % len(_SHAPES)](f"*v{number}", count)
        lines.append(f"{key}: &v{number + 1} {value}")
    return "\n".join(lines) + "\n"
