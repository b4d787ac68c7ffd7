"""Which modules of a submission run, and in which package: followed from `import model`.

The platform imports model.py as a top-level module. The same file can be `net` or `pack.net`,
depending on the folder of the path through which it is found; a relative import counts from there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from kit.checks.submission.own_modules import OwnModules, Parts
from kit.checks.submission.relative import IMPORT_MODULE, relative_imports
from kit.checks.submission.syntax import Code, text_argument
from kit.contract import MODEL_FILE

# Calls that load modules under names that the source does not show.
_HIDDEN = (
    "importlib.util.spec_from_file_location", "importlib.machinery.SourceFileLoader",
    "runpy.run_path", "runpy.run_module", "exec", "__import__",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A file of the submission as it is imported: its parts, and how many of them the path has."""

    parts: Parts
    root: int

    @property
    def package(self) -> Parts:
        """The package that a relative import in it begins at; empty for a top-level module."""
        return self.parts[self.root : -1]


def packages_of_runs(own: OwnModules) -> dict[str, set[Parts]]:
    """Return, for each source that runs, the packages in which it is imported."""
    pending = [Run((PurePosixPath(MODEL_FILE).stem,), 0)]
    seen: set[Run] = set()
    while pending:
        run = pending.pop()
        source = own.sources.get(run.parts)
        if run in seen or source is None or source.tree is None:
            continue
        seen.add(run)
        code = Code(source.tree)
        pending += _imported(code, run, own)
        if any(_is_hidden(name, call) for name, call in code.calls()):
            pending += [Run(parts, 0) for parts in own.sources]
    packages: dict[str, set[Parts]] = {}
    for run in seen:
        packages.setdefault(own.sources[run.parts].name, set()).add(run.package)
    return packages


def _is_hidden(name: str, call: ast.Call) -> bool:
    return name in _HIDDEN or (name == IMPORT_MODULE and text_argument(call, 0, "name") is None)


def _imported(code: Code, run: Run, own: OwnModules) -> Iterator[Run]:
    for name in _absolute(code):
        for root in own.roots:
            yield from _files((*root, *name), len(root), own)
    for relative in relative_imports(code):
        if relative.level <= len(run.package):
            base = (*run.parts[: len(run.parts) - relative.level], *relative.module)
            for name in ((), *((name,) for name in relative.names)):
                yield from _files((*base, *name), run.root, own)


def _absolute(code: Code) -> Iterator[Parts]:
    """Every dotted name that an import may load; of `from a import b`, `a` and `a.b`."""
    for node in ast.walk(code.tree):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            module = tuple((node.module or "").split("."))
            yield module
            yield from ((*module, alias.name) for alias in node.names)
    for name, call in code.calls():
        given = text_argument(call, 0, "name") if name == IMPORT_MODULE else None
        if given and not given.startswith("."):
            yield tuple(given.split("."))


def _files(parts: Parts, root: int, own: OwnModules) -> Iterator[Run]:
    """The files that run when a dotted name is imported: its packages first, then itself."""
    for count in range(root + 1, len(parts) + 1):
        for file in (parts[:count], (*parts[:count], "__init__")):
            if file in own.sources:
                yield Run(file, root)
