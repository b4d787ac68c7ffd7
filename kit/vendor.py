"""`kit vendor`: shared packages copied into the submissions that import them.

Code that several submissions serve lives once, in `submissions/_shared/PACKAGE/`. A submission
folder has to hold everything that it imports, because the folder is what is uploaded. So the files
that a submission imports, directly or through each other, are copied into it byte for byte, and
`VENDORED.json` records each one with its digest and its source.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from kit.errors import KitError
from kit.files import replacing, write_json

SHARED_FOLDER = "_shared"
VENDORED_FILE = "VENDORED.json"


@dataclass(frozen=True)
class Vendored:
    """VENDORED.json: the sha256 of every copied file by its path in the submission.

    A frozen submission was uploaded as it is: its copies no longer follow the shared packages.
    """

    digests: Mapping[str, str]
    frozen: bool = False


@dataclass(frozen=True)
class Difference:
    """A copied file that is not what it should be, and why."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True)
class Result:
    """What `vendor` did in one submission: paths relative to its folder, sorted."""

    written: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]
    frozen: bool = False


def vendor(folder: Path, shared: Path, force: bool = False) -> Result:
    """Copy the shared files that a submission imports; remove copies that it no longer imports.

    Args:
        folder: the submission's folder.
        shared: the folder of the shared packages.
        force: overwrite copies that were edited in the submission.

    Raises:
        KitError: VENDORED.json is unusable, a source file is not Python, or a copy was edited
            in the submission and `force` is off. Nothing is written then.
    """
    before = read_vendored(folder)
    if before.frozen:
        return Result((), (), tuple(sorted(before.digests)), frozen=True)
    wanted = imported_files(folder, shared)
    _refuse_edited(folder, wanted, before, force)
    digests = {path: _sha256(source) for path, source in sorted(wanted.items())}
    written = [path for path in digests if _sha256(folder / path) != digests[path]]
    for path in written:
        with replacing(folder / path) as temporary:
            temporary.write_bytes(wanted[path].read_bytes())
    removed = [path for path in sorted(before.digests) if path not in wanted]
    for path in removed:
        _remove(folder, path)
    _write_vendored(folder, digests)
    unchanged = tuple(path for path in digests if path not in written)
    return Result(tuple(written), tuple(removed), unchanged)


def differences(folder: Path, shared: Path | None) -> list[Difference]:
    """Every copied file that differs from what VENDORED.json and the shared packages say.

    Args:
        folder: the submission's folder, or its unpacked zip.
        shared: the folder of the shared packages; None compares with VENDORED.json alone, as for
            a frozen submission.

    Raises:
        KitError: VENDORED.json is unusable.
    """
    recorded = read_vendored(folder)
    found = [
        Difference(path, "is recorded in VENDORED.json and not there")
        if not (folder / path).is_file()
        else Difference(path, "was edited in the submission")
        for path, digest in sorted(recorded.digests.items())
        if _sha256(folder / path) != digest
    ]
    if recorded.frozen or shared is None or not shared.is_dir():
        return found
    seen = {difference.path for difference in found}
    wanted = imported_files(folder, shared)
    for path, source in sorted(wanted.items()):
        if path not in seen and _sha256(folder / path) != _sha256(source):
            there = (folder / path).is_file()
            reason = f"differs from {SHARED_FOLDER}/{path}" if there else "is imported, not there"
            found.append(Difference(path, reason))
    unused = sorted(set(recorded.digests) - set(wanted) - seen)
    found += [Difference(path, "is no longer imported") for path in unused]
    return found


def shared_folder(folder: Path) -> Path:
    """Where the shared packages of a submission are: `_shared` next to its folder."""
    return folder.resolve().parent / SHARED_FOLDER


def read_vendored(folder: Path) -> Vendored:
    """Read VENDORED.json; empty where there is none.

    Raises:
        KitError: the file is not of the form that `kit vendor` writes.
    """
    path = folder / VENDORED_FILE
    if not path.is_file():
        return Vendored({})
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        digests = {str(entry["path"]): str(entry["sha256"]) for entry in content["files"]}
        frozen = content.get("frozen", False)
        if not isinstance(frozen, bool) or not all(map(_stays_inside, digests)):
            raise ValueError("frozen is true or false; paths stay inside the submission")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise KitError(
            f"{path}: expected what `kit vendor` writes, found {error!r}",
            hint="remove the file and run `kit vendor` again",
        ) from error
    return Vendored(digests, frozen)


def imported_files(folder: Path, shared: Path) -> dict[str, Path]:
    """The shared files that a submission imports, directly or through each other.

    Returns a mapping from the path in the submission to the source. Each file comes with the
    `__init__.py` of its packages.

    Raises:
        KitError: a shared file does not parse.
    """
    packages = (
        {item.name for item in shared.iterdir() if item.is_dir()} if shared.is_dir() else set()
    )
    own = [path for path in sorted(folder.rglob("*.py")) if _top(folder, path) not in packages]
    found: dict[str, Path] = {}
    pending = [name for path in own for name in _imports(path, "", strict=False)]
    while pending:
        name = pending.pop()
        for path in _files_of(name, shared):
            relative = path.relative_to(shared).as_posix()
            if relative not in found:
                found[relative] = path
                pending += _imports(path, _package_of(relative), strict=True)
    return found


def _top(folder: Path, path: Path) -> str:
    return path.relative_to(folder).parts[0]


def _package_of(relative: str) -> str:
    return ".".join(PurePosixPath(relative).parts[:-1])


def _files_of(name: str, shared: Path) -> Iterator[Path]:
    """The files that `import name` runs: the package's __init__.py files, then the module."""
    folder = shared
    for part in name.split("."):
        module = folder / f"{part}.py"
        folder = folder / part
        if (folder / "__init__.py").is_file():
            yield folder / "__init__.py"
        elif module.is_file() and module.parent != shared:
            yield module
            return


def _imports(path: Path, package: str, strict: bool) -> Iterator[str]:
    """Dotted names that a file imports; `from a import b` gives `a.b`, which may be a module."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as error:
        if strict:
            raise KitError(f"{path}: does not parse: {error}") from error
        return  # `kit check` reports it
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            yield from (f"{base}.{alias.name}" if base else alias.name for alias in node.names)


def _base(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parents = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*parents, *([node.module] if node.module else [])])


def _refuse_edited(folder: Path, wanted: Mapping[str, Path], before: Vendored, force: bool) -> None:
    """Raise where writing would lose an edit that exists in the submission only."""
    edited = [
        path
        for path in sorted({*wanted, *before.digests})
        if (digest := _sha256(folder / path))
        and digest != before.digests.get(path)
        and digest != (_sha256(wanted[path]) if path in wanted else None)
    ]
    if edited and not force:
        raise KitError(
            f"{folder}: copies of shared files were edited here and would be overwritten",
            problems=edited,
            hint=f"move the edit to {SHARED_FOLDER}/, or overwrite it with --force",
        )


def _remove(folder: Path, path: str) -> None:
    (folder / path).unlink(missing_ok=True)
    for parent in (folder / path).parents:
        if parent == folder or (parent.is_dir() and any(parent.iterdir())):
            return
        if parent.is_dir():
            parent.rmdir()


def _write_vendored(folder: Path, digests: Mapping[str, str]) -> None:
    path = folder / VENDORED_FILE
    if not digests:
        path.unlink(missing_ok=True)
        return
    files = [
        {"path": name, "sha256": digest, "source": f"{SHARED_FOLDER}/{name}"}
        for name, digest in digests.items()
    ]
    write_json(path, {"format": 1, "frozen": False, "files": files})


def _stays_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not PurePosixPath(path).is_absolute() and ".." not in parts


def _sha256(path: Path) -> str | None:
    """The digest of a file; None where there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
