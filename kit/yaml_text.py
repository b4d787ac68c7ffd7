"""YAML from outside: bounded in what it may become, one kind of error.

A few hundred bytes of nested aliases stand for billions of values. PyYAML shares them in memory,
but whoever walks or prints the content meets each one, and a merge (`<<`) copies them. So a file
is measured while its nodes are composed, with every alias counted as what it stands for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

# Far above what anybody writes by hand: real bundles have a few hundred values.
MOST_BYTES: Final = 1_000_000
MOST_VALUES: Final = 20_000
MOST_CHARACTERS: Final = 2_000_000
DEEPEST: Final = 100
MOST_DIGITS: Final = 250  # a float still holds such a number
# Besides its own errors PyYAML lets through those of the values that it builds (dates, tags).
_VALUE_ERRORS = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError)
_ERRORS = (yaml.YAMLError, RecursionError, *_VALUE_ERRORS)


def parse_yaml(text: str) -> Any:
    """Return the content of a YAML document.

    Raises:
        ValueError: it does not read as YAML, or is larger than the limits of this module.
    """
    return construct_yaml(compose_yaml(text))


def read_yaml(path: Path) -> Any:
    """Return the content of a YAML file; raises as `parse_yaml` does."""
    return parse_yaml(read_yaml_text(path))


def read_yaml_text(path: Path) -> str:
    """Return the text of a YAML file.

    Raises:
        ValueError: it is no UTF-8, or too large to be read.
    """
    if (size := path.stat().st_size) > MOST_BYTES:
        raise ValueError(f"expected at most {MOST_BYTES:,} bytes of YAML, found {size:,}")
    return path.read_text(encoding="utf-8-sig")


def compose_yaml(text: str) -> yaml.Node | None:
    """Return the nodes of a YAML document, which know their lines; None for an empty one.

    Raises:
        ValueError: as for `parse_yaml`.
    """
    if len(text) > MOST_BYTES:
        raise ValueError(f"expected at most {MOST_BYTES:,} characters of YAML, found {len(text):,}")
    try:
        return _BoundedLoader(text).get_single_node()
    except _ERRORS as error:
        raise _as_value_error(error) from error


def construct_yaml(root: yaml.Node | None) -> Any:
    """Return the content that bounded nodes stand for; merges (`<<`) are written into the nodes.

    Raises:
        ValueError: a value is not what its tag says, or a number is too long.
    """
    if root is None:
        return None
    try:
        return _BoundedLoader("").construct_document(root)
    except _ERRORS as error:
        raise _as_value_error(error) from error


def _as_value_error(error: Exception) -> ValueError:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark, words = error.problem_mark, [error.context, error.problem]
        where = f"line {mark.line + 1}, column {mark.column + 1}"
        return ValueError(f"{where}: {', '.join(word for word in words if word)}")
    if isinstance(error, yaml.YAMLError):
        return ValueError(str(error))
    return ValueError(f"{type(error).__name__}: {error}")


class _TooMuch(yaml.MarkedYAMLError):
    """A document above the limits; says where that was noticed."""


@dataclass(frozen=True)
class _Size:
    """What a node becomes when all aliases are written out."""

    values: int
    characters: int
    depth: int


class _BoundedLoader(yaml.SafeLoader):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._sizes: dict[int, _Size] = {}  # by id; the nodes are held by their parents
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        mark, is_alias = event.start_mark, isinstance(event, yaml.AliasEvent)
        self._depth += 1
        if self._depth > DEEPEST:
            raise _TooMuch(None, None, _too_deep(), mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if is_alias and id(node) not in self._sizes:
            raise _TooMuch(None, None, "an alias stands for something that holds it", mark)
        if node is not None and not is_alias:
            self._sizes[id(node)] = size = self._size(node)
            # A plain list is measured at its end only, so what was read counts as well.
            if problem := _problem(size, len(self._sizes)):
                raise _TooMuch(None, None, problem, mark)
        return node

    def _size(self, node: yaml.Node) -> _Size:
        if isinstance(node, yaml.MappingNode):
            parts = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            parts = node.value
        else:
            return _Size(1, len(node.value), 1)
        sizes = [self._sizes[id(part)] for part in parts]
        return _Size(
            1 + sum(size.values for size in sizes),
            sum(size.characters for size in sizes),
            1 + max((size.depth for size in sizes), default=0),
        )

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Build a value; say of one that cannot be built where it stands."""
        try:
            return super().construct_object(node, deep=deep)
        except _VALUE_ERRORS as error:
            kind = node.tag.rsplit(":", 1)[-1]
            found = str(node.value)[:40] if isinstance(node, yaml.ScalarNode) else "a list"
            problem = f"expected a value of the kind {kind}, found {found!r} ({error})"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error

    def construct_whole_number(self, node: yaml.ScalarNode) -> int:
        """Read an int; a longer one could not even be printed."""
        if len(node.value) > MOST_DIGITS:
            problem = f"expected a number of at most {MOST_DIGITS:,} digits"
            raise _TooMuch(None, None, problem, node.start_mark)
        return self.construct_yaml_int(node)


_BoundedLoader.add_constructor("tag:yaml.org,2002:int", _BoundedLoader.construct_whole_number)


def _problem(size: _Size, read: int) -> str:
    if size.depth > DEEPEST:
        return _too_deep()
    values = max(size.values, read)
    if values > MOST_VALUES or size.characters > MOST_CHARACTERS:
        return (
            f"expected at most {MOST_VALUES:,} values and {MOST_CHARACTERS:,} characters, with "
            f"every alias written out, found {values:,} and {size.characters:,}"
        )
    return ""


def _too_deep() -> str:
    return f"expected lists and mappings at most {DEEPEST} levels deep, found more"
