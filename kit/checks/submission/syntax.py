"""Reading Python sources: calls by their full name, strings that are not documentation."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Code:
    """A parsed module with what several checks ask of it."""

    tree: ast.Module

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """Node -> the node around it."""
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def aliases(self) -> dict[str, str]:
        """Local name -> the dotted name that an import gives it."""
        found = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    local = alias.asname or alias.name.split(".")[0]
                    found[local] = alias.name if alias.asname else local
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        return found

    @cached_property
    def constants(self) -> dict[str, str]:
        """`name` or `self.name` -> the text that is assigned to it, where it is the only one."""
        found: dict[str, set[str]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                for target in node.targets:
                    found.setdefault(ast.unparse(target), set()).add(str(node.value.value))
        return {name: texts.pop() for name, texts in found.items() if len(texts) == 1}

    def text(self, call: ast.Call, position: int = 0, keyword: str = "") -> str | None:
        """`text_argument`, with names that stand for one constant resolved."""
        node: ast.AST | None = call.args[position] if position < len(call.args) else None
        for item in call.keywords:
            if keyword and item.arg == keyword:
                node = item.value
        if isinstance(node, ast.Name | ast.Attribute):
            return self.constants.get(ast.unparse(node))
        return text_argument(call, position, keyword)

    def calls(self) -> Iterator[tuple[str, ast.Call]]:
        """Every call with the dotted name of what is called ("" for computed ones)."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield self.dotted(node.func), node

    def dotted(self, node: ast.AST) -> str:
        """`np.load` -> "numpy.load"; of a computed owner the attribute only, as ".load"."""
        if isinstance(node, ast.Name):
            return self.aliases.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            owner = node.value
            if isinstance(owner, ast.Name | ast.Attribute):
                return f"{self.dotted(owner)}.{node.attr}"
            return f".{node.attr}"
        return ""

    def strings(self) -> Iterator[ast.Constant]:
        """Every string constant that is not a docstring or a bare expression."""
        for node in ast.walk(self.tree):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and not isinstance(self.parents.get(node), ast.Expr)
            ):
                yield node

    def is_inside(self, node: ast.AST, test: str) -> bool:
        """Say whether an `if` around the node, or a conditional expression, mentions `test`."""
        around: ast.AST | None = node
        while around is not None:
            if isinstance(around, ast.If | ast.IfExp) and test in ast.unparse(around.test):
                return True
            around = self.parents.get(around)
        return False


def text_argument(call: ast.Call, position: int = 0, keyword: str = "") -> str | None:
    """Return a constant string argument by position or keyword, None where it is not one."""
    node: ast.AST | None = call.args[position] if position < len(call.args) else None
    for item in call.keywords:
        if keyword and item.arg == keyword:
            node = item.value
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Return the value of a keyword argument."""
    return next((item.value for item in call.keywords if item.arg == name), None)
