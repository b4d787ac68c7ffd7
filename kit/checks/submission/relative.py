"""Relative imports: those that lead out of the package in which a file runs, or to nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from kit.checks.submission.needed import is_needed
from kit.checks.submission.own_modules import OwnModules, Parts
from kit.checks.submission.subject import Source
from kit.checks.submission.syntax import Code, text_argument
from kit.findings.finding import Finding

IMPORT_MODULE = "importlib.import_module"


@dataclass(frozen=True)
class Relative:
    """A relative import, as a statement or as a call of import_module.

    `level` is its number of dots, `module` what follows them, `names` what is taken from there.
    """

    node: ast.stmt | ast.expr
    level: int
    module: Parts
    names: tuple[str, ...] = ()


def leading_out(source: Source, code: Code, packages: dict[str, set[Parts]]) -> dict[ast.AST, str]:
    """The relative imports that fail because of the package in which the source runs."""
    found: dict[ast.AST, str] = {}
    for relative in relative_imports(code):
        if why := _leads_out(source, relative, packages.get(source.name, set())):
            found[relative.node] = why
    return found


def check_relative(
    source: Source, code: Code, own: OwnModules, failing: dict[ast.AST, str]
) -> Iterator[Finding]:
    """Relative imports that have to succeed and cannot; `failing` is from `leading_out`."""
    for relative in relative_imports(code):
        node = relative.node
        if not is_needed(code, node, frozenset(failing), relative=True):
            continue
        if node in failing:
            yield Finding("import-relative", source.name, failing[node], node.lineno)
        elif missing := _missing(source, relative, own):
            found = f"`{ast.unparse(node)}`: {missing}"
            yield Finding("import-own-missing", source.name, found, node.lineno)


def _missing(source: Source, relative: Relative, own: OwnModules) -> str:
    """Say what of a relative import the submission lacks; "" where nothing."""
    folder = PurePosixPath(source.name).parts[:-1]
    if relative.level > len(folder):
        return ""  # it never runs, or it would lead out
    package = (*folder[: len(folder) + 1 - relative.level], *relative.module)
    if not relative.names:
        there = own.holds(package[:-1], package[-1])
        return "" if there else f"the submission has no module {'/'.join(package)}"
    missing = [name for name in relative.names if not own.holds(package, name)]
    return f"{'/'.join(package)} has nothing called {', '.join(missing)}" if missing else ""


def relative_imports(code: Code) -> Iterator[Relative]:
    """Every relative import of a source."""
    for node in ast.walk(code.tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            module = tuple(node.module.split(".")) if node.module else ()
            yield Relative(node, node.level, module, tuple(alias.name for alias in node.names))
    for name, call in code.calls():
        text = text_argument(call, 0, "name") if name == IMPORT_MODULE else None
        if text and text.startswith(".") and _begins_here(call):
            rest = text.lstrip(".")
            yield Relative(call, len(text) - len(rest), tuple(rest.split(".")) if rest else ())


def _begins_here(call: ast.Call) -> bool:
    """Whether import_module gets the caller's own package, or none."""
    given = [*call.args[1:2], *(item.value for item in call.keywords if item.arg == "package")]
    return all(ast.unparse(value) in ("__package__", "__name__") for value in given)


def _leads_out(source: Source, relative: Relative, packages: set[Parts]) -> str:
    """Say why a relative import fails in one of the packages, "" where it does not."""
    if all(relative.level <= len(package) for package in packages):
        return ""
    text = ast.unparse(relative.node)
    if () in packages:
        return f"`{text}` leads out of the packages: {source.name} is imported without a package"
    return f"`{text}` leads out of the packages: {source.name} has no package that far up"
