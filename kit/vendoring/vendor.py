"""Copy shared packages into the submissions that import them.

Code that several submissions serve lives once, in `submissions/_shared/PACKAGE/`, or comes with the
kit. A submission folder has to hold everything that it imports, because the folder is uploaded as
it is. So the files that a submission imports, directly or through each other, are copied into it
byte for byte, and `VENDORED.json` records each copy with its digest and its source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.errors import KitError, UsageProblem
from kit.files import replacing, write_json
from kit.repository import SUBMISSIONS
from kit.vendoring.imports import (
    SHARED_FOLDER,
    Shared,
    imported_files,
    kit_packages,
    shared_packages,
    vanished_imports,
)
from kit.vendoring.record import VENDORED_FILE, Vendored, digest_of_copy, read_vendored

MISSING, EDITED, OUTDATED, UNRECORDED, UNUSED = (
    "missing", "edited", "outdated", "unrecorded", "unused",
)  # fmt: skip
_REASONS = {
    MISSING: "is imported, and not in the submission",
    EDITED: f"was edited in the submission: its digest is not the one in {VENDORED_FILE}",
    OUTDATED: f"differs from the file in {SHARED_FOLDER}/",
    UNRECORDED: f"is not recorded in {VENDORED_FILE}",
    UNUSED: "is no longer imported",
}


@dataclass(frozen=True)
class Difference:
    """A copied file that is not what it should be; `kind` is one of the five above."""

    path: str
    kind: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"

    @property
    def reason(self) -> str:
        """The kind in words."""
        return _REASONS[self.kind]


@dataclass(frozen=True)
class Plan:
    """What has to be done in one submission: paths relative to its folder, sorted.

    `sources` maps each copy to the shared file that it has to equal.
    """

    folder: Path
    sources: Mapping[str, Path]
    written: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]
    frozen: bool = False


def plan_vendoring(folder: Path, shared: Shared, force: bool = False) -> Plan:
    """Find which copies of a submission have to be written and which removed; write nothing.

    Args:
        folder: the submission's folder.
        shared: the folders of the shared packages, as `shared_folders` gives them.
        force: allow overwriting copies that were edited in the submission.

    Raises:
        UsageProblem: the submission has copies, and there are no shared packages.
        KitError: VENDORED.json is unusable, a shared file is not Python, the submission imports a
            shared file that is gone, or a copy was edited and `force` is off.
    """
    before = read_vendored(folder)
    if before.frozen:
        return Plan(folder, {}, (), (), tuple(sorted(before.digests)), frozen=True)
    if before.digests and not _exist(shared):
        raise UsageProblem(
            f"{folder}: {VENDORED_FILE} lists copies of shared packages, expected the packages in "
            f"{_named(shared)}, found no folder there"
        )
    sources = dict(sorted(imported_files(folder, shared).items()))
    _refuse_vanished(folder, shared, before)
    if not force:
        _refuse_edited(folder, sources, before)
    written = [path for path in sources if not _equals(folder / path, sources[path])]
    removed = [path for path in sorted(before.digests) if path not in sources]
    unchanged = tuple(path for path in sources if path not in written)
    return Plan(folder, sources, tuple(written), tuple(removed), unchanged)


def apply_plan(plan: Plan) -> None:
    """Write, remove and record the copies. After an interruption, run it again."""
    if plan.frozen:
        return
    for path in plan.written:
        with replacing(plan.folder / path) as temporary:
            temporary.write_bytes(plan.sources[path].read_bytes())
    for path in plan.removed:
        _remove(plan.folder, path)
    _record(plan)


def vendor(folder: Path, shared: Shared, force: bool = False) -> Plan:
    """Copy the shared files that a submission imports; remove copies that it no longer imports.

    Arguments and errors are those of `plan_vendoring`; when it raises, nothing is written.
    """
    plan = plan_vendoring(folder, shared, force)
    apply_plan(plan)
    return plan


def differences(folder: Path, shared: Shared) -> list[Difference]:
    """Find every copied file that differs from VENDORED.json or from the shared packages.

    Args:
        folder: the submission's folder, or its unpacked zip.
        shared: the folders of the shared packages; where none of them exists, the copies are
            compared with VENDORED.json alone, as is always done for a frozen submission.

    Raises:
        KitError: VENDORED.json is unusable, or a shared file is not Python.
    """
    recorded = read_vendored(folder)
    if recorded.frozen or not _exist(shared):
        return _changed_copies(folder, recorded)
    sources = imported_files(folder, shared)
    found = []
    for path in sorted({*sources, *recorded.digests}):
        kind = _kind(folder, path, sources.get(path), recorded.digests.get(path))
        if kind:
            found.append(Difference(path, kind))
    return found


def shared_folders(folder: Path) -> list[Path]:
    """Return where the shared packages of a submission are: `_shared` next to its folder.

    A submission in a folder submissions/ may use the packages that the kit provides too. Elsewhere
    its packages of these names may be others.
    """
    parent = folder.resolve().parent
    own = parent / SHARED_FOLDER
    if parent.name != SUBMISSIONS or own == kit_packages():
        return [own]
    return [own, kit_packages()]


def check_package_names(shared: Shared, names: Sequence[str]) -> None:
    """Refuse names that are neither a shared package nor a module of one.

    Raises:
        UsageProblem: a name is unknown; the packages are listed.
    """
    packages = shared_packages(shared)
    for name in names:
        parts = name.split(".")
        paths = [folder.joinpath(*parts) for folder in shared]
        known = parts[0] in packages and all(part.isidentifier() for part in parts)
        if not known or not any(p.is_dir() or p.with_suffix(".py").is_file() for p in paths):
            raise UsageProblem(
                f"{name}: expected a package of {_named(shared)} or a module of one, such as "
                f"PACKAGE.MODULE; packages there: {', '.join(sorted(packages)) or 'none'}"
            )


def _exist(shared: Shared) -> bool:
    return any(folder.is_dir() for folder in shared)


def _named(shared: Shared) -> str:
    return " or ".join(map(str, shared))


def _changed_copies(folder: Path, recorded: Vendored) -> list[Difference]:
    found = []
    for path, digest in sorted(recorded.digests.items()):
        now = digest_of_copy(folder / path)
        if now != digest:
            found.append(Difference(path, EDITED if now else MISSING))
    return found


def _kind(folder: Path, path: str, source: Path | None, recorded: str | None) -> str:
    """Return how a copy differs, empty where it does not."""
    now = digest_of_copy(folder / path)
    if source is None:
        return EDITED if now not in (None, recorded) else UNUSED
    if now is None:
        return MISSING
    if _equals(folder / path, source):
        return "" if now == recorded else UNRECORDED
    return OUTDATED if now == recorded else EDITED


def _equals(copy: Path, source: Path) -> bool:
    return copy.is_file() and copy.read_bytes() == source.read_bytes()


def _refuse_vanished(folder: Path, shared: Shared, before: Vendored) -> None:
    """Raise where removing an old copy would break an import of the submission."""
    vanished = vanished_imports(folder, shared, list(before.digests))
    if vanished:
        raise KitError(
            f"{folder}: imports shared files that are no longer in {_named(shared)}",
            problems=vanished,
            hint=f'change the imports, or keep the copies as they are with `"frozen": true` in '
            f"{VENDORED_FILE}",
        )


def _refuse_edited(folder: Path, sources: Mapping[str, Path], before: Vendored) -> None:
    """Raise where writing would lose an edit that exists in the submission only."""
    edited = [
        path
        for path in sorted({*sources, *before.digests})
        if (digest := digest_of_copy(folder / path))
        and digest != before.digests.get(path)
        and not (path in sources and _equals(folder / path, sources[path]))
    ]
    if edited:
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


def _record(plan: Plan) -> None:
    path = plan.folder / VENDORED_FILE
    if not plan.sources:
        path.unlink(missing_ok=True)
        return
    files = [
        {
            "path": name,
            "sha256": digest_of_copy(plan.folder / name),
            "source": f"{SHARED_FOLDER}/{name}",
        }
        for name in plan.sources
    ]
    write_json(path, {"format": 1, "frozen": False, "files": files})
