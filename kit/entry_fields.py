"""The fields of a mapping in an entry of weights.json: `package` and `hub` are such mappings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Field(NamedTuple):
    """What a field has to be, a text that `fits`, and how a message says so."""

    fits: Callable[[str], object]
    expected: str


def field_problems(value: Any, fields: Mapping[str, Field]) -> list[str]:
    """Return everything wrong with a value that has to be a mapping of exactly these fields."""
    if not isinstance(value, dict) or set(value) != set(fields):
        return [f"expected a mapping of {', '.join(fields)}, found {value!r}"]
    return [
        f"{name}: expected {field.expected}, found {value[name]!r}"
        for name, field in fields.items()
        if not isinstance(value[name], str) or not field.fits(value[name])
    ]


def is_inner_path(file: str) -> bool:
    """Whether a text is a plain path inside a repository or a package."""
    return file.isprintable() and "\\" not in file and not {"", ".", ".."} & set(file.split("/"))
