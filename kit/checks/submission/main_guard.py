"""Code that the platform never runs: it imports model.py, and starts no file as a program."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from kit.checks.submission.syntax import Function


def is_main_guard(statement: ast.AST) -> bool:
    """Say whether it is `if __name__ == "__main__":`."""
    if not isinstance(statement, ast.If) or not isinstance(statement.test, ast.Compare):
        return False
    sides = {ast.unparse(side) for side in (statement.test.left, *statement.test.comparators)}
    return sides == {"__name__", "'__main__'"} and isinstance(statement.test.ops[0], ast.Eq)


def not_reached(modules: Sequence[ast.Module]) -> set[ast.AST]:
    """Return the nodes that no import runs.

    These are the bodies of main guards, and the functions that nothing outside them mentions.
    """
    hidden = set(_below(part for tree in modules for s in tree.body for part in _guarded(s)))
    functions = [node for tree in modules for node in tree.body if isinstance(node, Function)]
    while True:
        wanted = _mentions(hidden)
        others = _mentions(node for node in _below(modules) if node not in hidden)
        more = [
            function
            for function in functions
            if function.name in wanted
            and function not in hidden
            # A function that calls itself is not called by another for that.
            and others[function.name] == _mentions(ast.walk(function))[function.name]
        ]
        if not more:
            return hidden
        hidden |= set(_below(more))


def _guarded(statement: ast.stmt) -> list[ast.stmt]:
    return statement.body if isinstance(statement, ast.If) and is_main_guard(statement) else []


def _below(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for node in nodes:
        yield from ast.walk(node)


def _mentions(nodes: Iterable[ast.AST]) -> Counter[str]:
    """Count how often each name is used or imported."""
    names: Counter[str] = Counter()
    for node in nodes:
        if isinstance(node, ast.Name):
            names[node.id] += 1
        elif isinstance(node, ast.Attribute):
            names[node.attr] += 1
        elif isinstance(node, ast.alias):
            names[node.name.rpartition(".")[2]] += 1
    return names
