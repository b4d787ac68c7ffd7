"""YAML from outside with the line of every value, and what reading it as plain data hides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kit.yaml_text import parse_yaml

# Where a value is: the keys and list positions that lead to it from the top.
Place = tuple[str | int, ...]
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_DEEPEST = 50


@dataclass
class Document:
    """A YAML mapping: its content, lines by place, keys given twice, dates without quotes."""

    content: dict[str, Any]
    lines: dict[Place, int] = field(default_factory=dict)
    duplicates: list[Place] = field(default_factory=list)
    timestamps: dict[Place, str] = field(default_factory=dict)

    def line(self, *place: str | int) -> int | None:
        """Return the line (from 1) of a value, or of the nearest thing around it that has one."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place)


def read_document(path: Path) -> Document:
    """Read a YAML file whose top level is a mapping.

    Raises:
        ValueError: the file is no such YAML; the text says why.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = parse_yaml(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"does not read as YAML: {error}") from error
    if not isinstance(content, dict) or not isinstance(root, yaml.MappingNode):
        raise ValueError(
            "expected a mapping with version, tasks, phases and leaderboards, found "
            f"{type(content).__name__}"
        )
    document = Document(content)
    for place, node in _walk(root, (), 0):
        document.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            document.duplicates += _twice(node, place)
        elif node.tag == _TIMESTAMP:
            document.timestamps[place] = str(node.value)
    return document


def _walk(node: yaml.Node, place: Place, depth: int) -> Iterator[tuple[Place, yaml.Node]]:
    yield place, node
    if depth > _DEEPEST:  # an alias can hold itself
        return
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _walk(value, (*place, str(key.value)), depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _walk(value, (*place, number), depth + 1)


def _twice(node: yaml.MappingNode, place: Place) -> list[Place]:
    keys = [str(key.value) for key, _ in node.value]
    return [(*place, key) for key in sorted(set(keys)) if keys.count(key) > 1]
