"""Parts of a package that import each other in a circle are one part: the import graph says so.

The parts of a package are its modules and its subpackages. What a module imports inside a function
or under `if TYPE_CHECKING` does not count: neither runs when the module is imported.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.support.kit import ROOT

FOLDERS = {
    "kit": ROOT / "kit",
    "training": ROOT / "training",
    "wildlife_scoring": ROOT / "scoring_program" / "wildlife_scoring",
    "wildlife_ingestion": ROOT / "ingestion_program" / "wildlife_ingestion",
    **{path.name: path for path in (ROOT / "submissions" / "_shared").glob("wildlife_*")},
}
Graph = Mapping[str, set[str]]


def module_files(folders: Mapping[str, Path]) -> dict[str, Path]:
    """The dotted name of every module, with its file."""
    found = {}
    for name, folder in folders.items():
        for path in folder.rglob("*.py"):
            parts = (name, *path.relative_to(folder).with_suffix("").parts)
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module is imported."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If):
            if "TYPE_CHECKING" not in ast.unparse(statement.test):
                yield from statements(statement.body)
            yield from statements(statement.orelse)
        elif isinstance(statement, ast.Try):
            for block in (statement.body, statement.orelse, statement.finalbody):
                yield from statements(block)
            for handler in statement.handlers:
                yield from statements(handler.body)
        elif isinstance(statement, ast.With | ast.ClassDef):
            yield from statements(statement.body)


def imported(path: Path, name: str) -> Iterator[str]:
    """Every dotted name that a module's import statements could mean."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for statement in statements(ast.parse(path.read_text(encoding="utf-8")).body):
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) + 1 - statement.level]
            base = ".".join([*(parents if statement.level else []), statement.module or ""])
            yield from (f"{base.rstrip('.')}.{alias.name}" for alias in statement.names)


def import_graph(folders: Mapping[str, Path]) -> dict[str, set[str]]:
    """Module -> the modules of these folders that it imports."""
    files = module_files(folders)
    graph: dict[str, set[str]] = {}
    for name, path in files.items():
        # `from a.b import c` means the module a.b.c where that is one, else something in a.b.
        targets = {
            target if target in files else target.rpartition(".")[0]
            for target in imported(path, name)
        }
        graph[name] = targets & set(files)
    return graph


def parts_graph(package: str, graph: Graph) -> dict[str, set[str]]:
    """Part of the package -> the other parts that it imports."""
    found: dict[str, set[str]] = defaultdict(set)
    for module, targets in graph.items():
        for target in targets:
            if module.startswith(f"{package}.") and target.startswith(f"{package}."):
                part, other = (
                    name.removeprefix(f"{package}.").split(".")[0] for name in (module, target)
                )
                if part != other:
                    found[part].add(other)
    return found


def cycle_of(package: str, graph: Graph) -> list[str]:
    """The parts of one circle in the package, empty where it has none."""
    try:
        TopologicalSorter(parts_graph(package, graph)).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@cache
def graph() -> dict[str, set[str]]:
    """The graph of this repository, read by the first test that needs it."""
    return import_graph(FOLDERS)


PACKAGES = sorted(
    name for name, path in module_files(FOLDERS).items() if path.name == "__init__.py"
)


def test_the_graph_knows_the_packages() -> None:
    assert set(FOLDERS) <= set(PACKAGES)
    assert "kit.errors" in graph()["kit.zips"]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_parts_of_a_package_do_not_import_each_other_in_a_circle(package: str) -> None:
    circle = cycle_of(package, graph())
    assert not circle, " -> ".join(circle)


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ("from pack.first import A", True),
        ("from .. import first", True),
        ("from ..first import A", True),
        ("try:\n    import pack.first\nexcept ImportError:\n    pass", True),
        ("def f():\n    from pack.first import A", False),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pack.first", False),
        ("import os", False),
    ],
)
def test_a_circle_is_found(second: str, expected: bool, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "__init__.py").touch()
    (tmp_path / "first.py").write_text("from pack.deep.second import B\nA = 1\n")
    (tmp_path / "deep" / "__init__.py").touch()
    (tmp_path / "deep" / "second.py").write_text(f"{second}\nB = 1\n")
    assert bool(cycle_of("pack", import_graph({"pack": tmp_path}))) is expected
