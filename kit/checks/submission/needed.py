"""Which imports have to succeed: not those that the source is ready to do without."""

from __future__ import annotations

import ast
import re

from kit.checks.submission.main_guard import is_main_guard
from kit.checks.submission.syntax import Code

_CAUGHT = re.compile(r"\b(?:ImportError|ModuleNotFoundError|Exception|BaseException)\b")
# A relative import without a package raises ImportError itself, which is no ModuleNotFoundError.
_CAUGHT_RELATIVE = re.compile(r"\b(?:ImportError|Exception|BaseException)\b")
# Tests under which a file behaves differently as a part of a package.
_OF_PACKAGES = re.compile(r"TYPE_CHECKING|__package__|__spec__|in __name__")
_NO_FAILURES: frozenset[ast.AST] = frozenset()


def is_needed(
    code: Code,
    node: ast.AST,
    failing: frozenset[ast.AST] = _NO_FAILURES,
    relative: bool = False,
) -> bool:
    """Say whether the submission fails when an import fails.

    Args:
        code: the source.
        node: the import.
        failing: imports that are known to fail, so that what stands in for them is needed.
        relative: whether the import fails for being relative.
    """
    caught = _CAUGHT_RELATIVE if relative else _CAUGHT
    child, around = node, code.parents.get(node)
    while around is not None:
        if isinstance(around, ast.If) and _is_skipped(around, child):
            return False
        if isinstance(around, ast.Try) and _is_tried(around, child, failing, caught):
            return False
        if isinstance(around, ast.With) and _suppresses(around, caught):
            return False
        child, around = around, code.parents.get(around)
    return True


def is_script_only(code: Code, node: ast.AST) -> bool:
    """Say whether a node runs only where its file is the program, which the platform's is not."""
    child, around = node, code.parents.get(node)
    while around is not None:
        if isinstance(around, ast.If) and is_main_guard(around) and child in around.body:
            return True
        child, around = around, code.parents.get(around)
    return False


def _is_skipped(around: ast.If, child: ast.AST) -> bool:
    if _OF_PACKAGES.search(ast.unparse(around.test)):
        return True
    return is_main_guard(around) and child in around.body


def _is_tried(
    around: ast.Try, child: ast.AST, failing: frozenset[ast.AST], caught: re.Pattern[str]
) -> bool:
    if child in around.body:
        return any(_goes_on(handler, caught) for handler in around.handlers)
    if child in around.handlers:
        tried = {node for statement in around.body for node in ast.walk(statement)}
        return not tried & failing
    return False


def _goes_on(handler: ast.ExceptHandler, caught: re.Pattern[str]) -> bool:
    """Whether a handler catches the failure of an import and does not end the program."""
    catches = handler.type is None or caught.search(ast.unparse(handler.type)) is not None
    return catches and not isinstance(handler.body[-1], ast.Raise)


def _suppresses(around: ast.With, caught: re.Pattern[str]) -> bool:
    texts = [ast.unparse(item.context_expr) for item in around.items]
    return any("suppress(" in text and caught.search(text) for text in texts)
