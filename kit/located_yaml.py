"""YAML from outside with the line of every value, and what reading it as plain data hides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kit.yaml_text import compose_yaml, construct_yaml, read_yaml_text

# Where a value is: the keys and list positions that lead to it from the top.
Place = tuple[str | int, ...]
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_NULL = "tag:yaml.org,2002:null"


@dataclass
class Document:
    """A YAML mapping: its content, lines by place, dates without quotes.

    `duplicates` are keys that a mapping has twice, where the platform loses a value by that.
    """

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
        root = compose_yaml(read_yaml_text(path))
        # Looked for before the content is made: that writes merged keys into the nodes.
        twice = list(_duplicates(root)) if root else []
        content = construct_yaml(root)
    except ValueError as error:
        raise ValueError(f"does not read as YAML: {error}") from error
    if not isinstance(content, dict) or not isinstance(root, yaml.MappingNode):
        raise ValueError(
            "expected a mapping with version, tasks, phases and leaderboards, found "
            f"{type(content).__name__}"
        )
    document = Document(content, duplicates=twice)
    for place, node in _walk(root, ()):
        document.lines[place] = node.start_mark.line + 1  # of a key given twice, the last counts
        document.timestamps.pop(place, None)
        if node.tag == _TIMESTAMP:
            document.timestamps[place] = str(node.value)
    return document


def _walk(node: yaml.Node, place: Place) -> Iterator[tuple[Place, yaml.Node]]:
    """Every node below a bounded one: aliases are followed."""
    yield place, node
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _walk(value, (*place, str(key.value)))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _walk(value, (*place, number))


def _duplicates(root: yaml.Node) -> Iterator[Place]:
    for place, node in _walk(root, ()):
        if isinstance(node, yaml.MappingNode):
            values = defaultdict(list)
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                    values[key.tag, key.value].append(value)
            for (_, name), found in values.items():
                if any(_is_lost(value, found[-1]) for value in found[:-1]):
                    yield (*place, name)


def _is_lost(value: yaml.Node, last: yaml.Node) -> bool:
    """Say whether a value of a key that is given again is missed: it says something else."""
    if isinstance(value, yaml.ScalarNode):
        same = isinstance(last, yaml.ScalarNode) and (last.tag, last.value) == (
            value.tag,
            value.value,
        )
        return value.tag != _NULL and value.value != "" and not same
    return bool(value.value)
