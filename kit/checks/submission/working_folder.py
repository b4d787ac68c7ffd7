"""Where a submission itself makes its own folder the working directory."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from kit.checks.submission.syntax import Code, Function

_CHDIR = ("os.chdir", "contextlib.chdir")


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
    """`HERE`, `self.folder` and `here()`, where they come from `__file__` in however many steps."""
    found = {"__file__", "__spec__", "inspect.getfile", "inspect.getsourcefile"}
    sources = list(_sources(code.tree))
    for _ in sources:
        more = {name for name, value in sources if _leans_on(value, found)}
        if more <= found:
            break
        found |= more
    return found


def _sources(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Every name with what is assigned to it, or with what a function of that name does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            yield from ((ast.unparse(target), node.value) for target in node.targets)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value:
            yield ast.unparse(node.target), node.value
        elif isinstance(node, Function):
            yield from (
                (node.name, item) for item in ast.walk(node) if isinstance(item, ast.Return)
            )


def _leans_on(node: ast.AST, names: set[str]) -> bool:
    return any(
        ast.unparse(part) in names
        for part in ast.walk(node)
        if isinstance(part, ast.Name | ast.Attribute)
    )
