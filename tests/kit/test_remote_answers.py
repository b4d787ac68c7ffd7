"""Answers of a platform with one value replaced: each ends well or with one message."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kit.remote import answers
from kit.remote.errors import PlatformError

SEEDS = Path(__file__).parents[1] / "fuzz" / "seeds" / "platform_answer"
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1e400, 10**400, "", "x", "9" * 5000, "NaN", "2026-99-99", [], {}, [[]],
    [{}], "\x1b[2J", "\ud800",
)  # fmt: skip
READERS: dict[str, Callable[[Any], object]] = {
    "competition": answers.competition,
    "submission": answers.sent,
    "data_set": answers.data_set,
}


def places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document."""
    yield path
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for name, value in items:
        if isinstance(value, dict | list):
            yield from places(value, (*path, name))
        else:
            yield (*path, name)


def replaced(content: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed = copy.deepcopy(content)
    inner = changed
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return changed


@pytest.mark.parametrize("name", READERS)
def test_any_value_in_any_place_ends_well_or_with_a_message(name: str) -> None:
    content = json.loads((SEEDS / f"{name}.json").read_text())
    answers.read(name, content, READERS[name])
    for path in places(content):
        for odd in ODD:
            with contextlib.suppress(PlatformError):
                answers.read(name, replaced(content, path, odd), READERS[name])
