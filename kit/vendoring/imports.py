"""Which shared files a submission imports, found in the source without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from kit.errors import KitError
from kit.packing.shipping import shipped
from kit.python_syntax import parse_python
from kit.repository import SUBMISSIONS, provided

SHARED_FOLDER: Final = "_shared"


# Folders of shared packages; a package is taken from the first that holds it.
Shared = Sequence[Path]


def shared_packages(shared: Shared) -> set[str]:
    """Return the names of the packages in shared folders; a folder may be missing."""
    return {item.parent.name for folder in shared for item in folder.glob("*/__init__.py")}


def kit_packages() -> Path:
    """Return the folder of the shared packages that the kit provides."""
    return provided() / SUBMISSIONS / SHARED_FOLDER


def shared_packages_for(submission: Path) -> set[str]:
    """Return the shared packages that a submission may mean: those next to it, and ours."""
    return shared_packages((submission.resolve().parent / SHARED_FOLDER, kit_packages()))


def unvendored_packages(submission: Path, folder: Path) -> list[str]:
    """Return the shared packages that a submission imports without a copy of its own, sorted.

    Args:
        submission: the submission as the user named it, a folder or zip.
        folder: where its files are.
    """
    imported = {name.partition(".")[0] for name in _own_imports(folder, set())}
    shared = imported & shared_packages_for(submission)
    return sorted(name for name in shared if not (folder / name).is_dir())


def imported_files(folder: Path, shared: Shared) -> dict[str, Path]:
    """Find the shared files that a submission imports, directly or through each other.

    Imports in functions and under TYPE_CHECKING count; names that are put together at run time
    are not seen. Returns a mapping from the path in the submission to the shared file. Each file
    comes with the `__init__.py` of its packages.

    Raises:
        KitError: a shared file does not parse.
    """
    return _closure(_own_imports(folder, shared_packages(shared)), shared)


def vanished_imports(folder: Path, shared: Shared, copies: Sequence[str]) -> list[str]:
    """Return the copies that a submission imports and that the shared packages no longer have.

    Args:
        folder: the submission's folder.
        shared: the folders of the shared packages.
        copies: paths of the copies in the submission, which were made before.

    Raises:
        KitError: a shared file does not parse.
    """
    tops = {PurePosixPath(path).parts[0] for path in copies}
    own = _own_imports(folder, shared_packages(shared) | tops)
    sources = _closure(own, shared)
    names = [*own]
    for path, source in sources.items():
        names += _imports(source, _package_of(path))
    needed = {
        path.relative_to(folder).as_posix() for name in names for path in _files_of(name, folder)
    }
    return sorted(path for path in copies if path in needed and path not in sources)


def _own_imports(folder: Path, packages: set[str]) -> list[str]:
    """Names that the submission's own files import: those outside of copied packages."""
    names: list[str] = []
    for entry in shipped(folder).entries:
        if entry.name.endswith(".py") and PurePosixPath(entry.name).parts[0] not in packages:
            try:
                names += _imports(entry.path, package=None)
            except _NotPython:
                continue  # `kit check` reports it
    return names


def _closure(names: Sequence[str], shared: Shared) -> dict[str, Path]:
    found: dict[str, Path] = {}
    pending = list(names)
    while pending:
        name = pending.pop()
        root = _root_of(name.partition(".")[0], shared)
        if root is None:
            continue
        for path in _files_of(name, root):
            relative = path.relative_to(root).as_posix()
            if relative not in found:
                found[relative] = path
                pending += _imports(path, _package_of(relative))
    return found


def _root_of(package: str, shared: Shared) -> Path | None:
    """The first shared folder that holds a package; None where none does."""
    return next((root for root in shared if (root / package / "__init__.py").is_file()), None)


def _package_of(relative: str) -> str:
    return ".".join(PurePosixPath(relative).parts[:-1])


def _files_of(name: str, root: Path) -> Iterator[Path]:
    """The files that `import name` runs: the package's __init__.py files, then the module."""
    folder = root
    for part in name.split("."):
        if not part.isidentifier():
            return
        module, folder = folder / f"{part}.py", folder / part
        if (folder / "__init__.py").is_file():
            yield folder / "__init__.py"
        else:
            if module.is_file() and module.parent != root:
                yield module
            return


class _NotPython(KitError):
    """A file does not parse."""


def _imports(path: Path, package: str | None) -> list[str]:
    """Dotted names that a file imports; `from a import b` gives `a.b`, which may be a module.

    Relative imports are resolved in `package`; without one they are left out, for they cannot
    lead from a submission's own file into a shared package.
    """
    try:
        tree = parse_python(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _NotPython(f"{path}: expected Python, found what does not parse: {error}") from error
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            # `from a import *` gives `a`.
            names += [base] if base else []
            names += [f"{base}.{alias.name}" for alias in node.names] if base else []
    return names


def _base(node: ast.ImportFrom, package: str | None) -> str:
    """The absolute name of what an import starts from; empty where it leads nowhere."""
    if not node.level:
        return node.module or ""
    parents = package.split(".") if package else []
    if node.level > len(parents):
        return ""
    parents = parents[: len(parents) - node.level + 1]
    return ".".join([*parents, *([node.module] if node.module else [])])
