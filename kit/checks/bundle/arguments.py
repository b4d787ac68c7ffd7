"""Which arguments of its command a Python program reads, told without running it."""

from __future__ import annotations

import ast
from pathlib import Path

_MOST_FILES = 200


def reads_argument(folder: Path, position: int) -> bool:
    """Say whether a program may read its argument of a position (from 1); True where in doubt.

    It does not where every use of `sys.argv` in its files is a plain index below the position.
    """
    paths = sorted(path for path in folder.rglob("*.py") if path.is_file())
    if not paths or len(paths) > _MOST_FILES:
        return True
    return any(_may_read(path, position) for path in paths)


def _may_read(path: Path, position: int) -> bool:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    below = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, int)
        and 0 <= node.slice.value < position
    }
    return any(_is_argv(node) and id(node) not in below for node in ast.walk(tree)) or any(
        _parses_arguments(node) for node in ast.walk(tree)
    )


def _is_argv(node: ast.AST) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == "argv") or (
        isinstance(node, ast.Name) and node.id == "argv"
    )


def _parses_arguments(node: ast.AST) -> bool:
    """Whether a node imports a module that reads the command line by itself."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [node.module or ""]
    else:
        return False
    return any(name.split(".")[0] in _PARSERS for name in names)


_PARSERS = frozenset(("argparse", "optparse", "getopt", "click", "fire", "typer", "docopt", "absl"))
