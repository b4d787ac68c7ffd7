"""Which code the platform runs, and from which folder: a module is imported there, not started."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from kit.checks.submission.syntax import Code, Function

_CHDIR = ("os.chdir", "contextlib.chdir")


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


def moves_home(code: Code) -> list[ast.Call]:
    """Return the calls that make a folder next to the source the working directory."""
    own = _names_from_file(code)
    return [
        call
        for name, call in code.calls()
        if name in _CHDIR and call.args and _leans_on(call.args[0], own)
    ]


def runs_at_home(call: ast.Call, code: Code, moves: Sequence[ast.Call]) -> bool:
    """Say whether the working directory is the submission's folder when `call` runs.

    A call in the function of the move has to come after it; another function is taken to be
    called later.
    """
    around = _function_around(call, code)
    for move in moves:
        if _function_around(move, code) is around:
            if call.lineno > move.lineno:
                return True
        elif around is not None:
            return True
    return False


def _function_around(node: ast.AST, code: Code) -> ast.AST | None:
    around = code.parents.get(node)
    while around is not None and not isinstance(around, Function | ast.Lambda):
        around = code.parents.get(around)
    return around


def _names_from_file(code: Code) -> set[str]:
    """`HERE` and `self.folder`, where they are computed from `__file__` in however many steps."""
    found = {"__file__"}
    assigned = [node for node in ast.walk(code.tree) if isinstance(node, ast.Assign)]
    for _ in assigned:
        more = {
            ast.unparse(target)
            for node in assigned
            if _leans_on(node.value, found)
            for target in node.targets
        }
        if more <= found:
            break
        found |= more
    return found


def _leans_on(node: ast.AST, names: set[str]) -> bool:
    return any(
        ast.unparse(part) in names
        for part in ast.walk(node)
        if isinstance(part, ast.Name | ast.Attribute)
    )
