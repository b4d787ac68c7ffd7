"""Which modules an import finds in the submission's own files, seen without running anything."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from kit.checks.submission.subject import Source, Subject

_SUFFIXES = (".py", ".so", ".pyd")
Parts = tuple[str, ...]


@dataclass(frozen=True)
class OwnModules:
    """The files of a submission as Python's import system sees them.

    Attributes:
        modules: the files that are modules, as parts without suffix.
        folders: every folder with a module below it: a package, or a namespace package.
        roots: the folders on the path: the submission itself, and those that it puts there.
        guess: whether something is put on the path that cannot be read from the source, so that
            every folder may be there.
        sources: the parsed sources by their parts.
    """

    modules: frozenset[Parts]
    folders: frozenset[Parts]
    roots: frozenset[Parts]
    guess: bool
    sources: dict[Parts, Source]

    def top_level(self) -> set[str]:
        """Names that an import finds in the submission."""
        names = {
            parts[len(root)]
            for root in self.roots
            for parts in self.modules | self.folders
            if len(parts) == len(root) + 1 and parts[: len(root)] == root
        }
        if self.guess:
            names |= {part for parts in self.modules | self.folders for part in parts}
        return names

    def is_namespace(self, name: str) -> bool:
        """Say whether a name is that of folders without `__init__.py` only.

        An installed module of the same name comes before such a folder, wherever it is on the path.
        """
        found = [(*root, name) for root in self.roots if self._is_module((*root, name))]
        return all(
            parts not in self.modules and (*parts, "__init__") not in self.modules
            for parts in found
        )

    def elsewhere(self, name: str) -> str | None:
        """Return the dotted name of a module in a package that has this name, if there is one."""
        found = sorted(parts for parts in self.modules if parts[-1] == name and len(parts) > 1)
        return ".".join(found[0]) if found else None

    def exists(self, dotted: str) -> bool:
        """Say whether a dotted name, the first part of which is the submission's, is a module."""
        parts = tuple(dotted.split("."))
        return self.guess or any(self._is_module((*root, *parts)) for root in self.roots)

    def provides(self, dotted: str, name: str) -> bool:
        """Say whether `from dotted import name` finds something."""
        parts = tuple(dotted.split("."))
        return self.guess or any(self.holds((*root, *parts), name) for root in self.roots)

    def holds(self, package: Parts, name: str) -> bool:
        """Say whether a module or package of the submission has something of that name.

        Only `__init__.py` files are read: what a plain module defines is not looked at.
        """
        if package in self.modules:
            return True
        if package not in self.folders:
            return False
        if name == "*" or self._is_module((*package, name)):
            return True
        source = self.sources.get((*package, "__init__"))
        return source is not None and (source.tree is None or _may_define(source.tree, name))

    def _is_module(self, parts: Parts) -> bool:
        return parts in self.modules or parts in self.folders


def own_modules(subject: Subject) -> OwnModules:
    """Read the modules of a submission."""
    modules, folders = set(), set()
    for name in subject.files:
        path = PurePosixPath(name)
        if path.suffix in _SUFFIXES:
            folders |= {path.parts[:count] for count in range(1, len(path.parts))}
            modules.add((*path.parts[:-1], path.name.split(".")[0]))
    roots: set[Parts] = {()}
    guess = False
    for source in subject.sources:
        for expression in _put_on_the_path(source.tree) if source.tree else ():
            added = _folders_of(expression, source, folders)
            roots |= added
            guess |= not added
    sources = {PurePosixPath(s.name).with_suffix("").parts: s for s in subject.sources}
    return OwnModules(
        frozenset(modules), frozenset(folders), frozenset(roots), guess, sources
    )  # fmt: skip


def _put_on_the_path(tree: ast.Module) -> Iterator[ast.expr]:
    """What the source puts on sys.path."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name = ast.unparse(node.func)
            if name in ("sys.path.insert", "sys.path.append", "sys.path.extend", "site.addsitedir"):
                yield from node.args[-1:]
        elif isinstance(node, ast.AugAssign | ast.Assign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if "sys.path" in [ast.unparse(target).split("[")[0] for target in targets]:
                yield node.value


def _folders_of(expression: ast.expr, source: Source, folders: Iterable[Parts]) -> set[Parts]:
    """The folders of the submission that a path expression can mean; none where it is unclear."""
    assert source.tree is not None
    texts, about_file = literals(expression, source.tree, depth=0)
    own = PurePosixPath(source.name).parts[:-1]
    written = PurePosixPath(*texts).parts if texts else ()
    if not written:
        # Path(__file__).parent, .parents[1] and so on: the file's folder and those around it.
        return {own[:count] for count in range(len(own) + 1)} if about_file else set()
    written = tuple(part for part in written if part not in (".", "..", "/"))
    starts = [own[:count] for count in range(len(own) + 1)]
    return {(*start, *written) for start in starts if (*start, *written) in folders}


def literals(node: ast.AST, tree: ast.Module, depth: int) -> tuple[list[str], bool]:
    """The texts in an expression, names replaced by what is assigned; whether it has __file__."""
    texts: list[str] = []
    about_file = False
    for child in [node, *_descendants(node)]:
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            texts.append(child.value)
        elif isinstance(child, ast.Name) and child.id == "__file__":
            about_file = True
        elif isinstance(child, ast.Name) and depth < 5:
            for value in _assigned(tree, child.id):
                more, is_file = literals(value, tree, depth + 1)
                texts += more
                about_file |= is_file
    return texts, about_file


def _descendants(node: ast.AST) -> Iterator[ast.AST]:
    """What is below a node, in the order of the source."""
    for child in ast.iter_child_nodes(node):
        yield child
        yield from _descendants(child)


def _assigned(tree: ast.Module, name: str) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and name in [ast.unparse(item) for item in node.targets]:
            yield node.value


def _may_define(tree: ast.Module, name: str) -> bool:
    """Whether a package's __init__.py gives a name, or could do so in a way that is not seen."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = {node.name}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names = {node.id}
        elif isinstance(node, ast.Name) and node.id in ("globals", "exec", "setattr"):
            return True
        else:
            continue
        if names & {name, "*", "__getattr__"}:
            return True
    return False
