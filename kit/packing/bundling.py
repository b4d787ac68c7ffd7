"""`kit bundle`: the zip that an organiser uploads, made of what competition.yaml names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from kit.competition import OLD_FORMAT, OLD_FORMAT_HINT, Competition, read_competition
from kit.contract import COMPETITION_FILE
from kit.errors import KitError, UsageProblem
from kit.files import writing
from kit.findings.finding import Report
from kit.packing.shipping import is_junk
from kit.trees import Kind, problem_of, strange_files, walk
from kit.zips import Entry, tree_entries, write_zip


@dataclass(frozen=True)
class PackedBundle:
    """A bundle's zip: its sha256, the names in it, and the codes of errors that were overridden."""

    sha256: str
    files: tuple[str, ...]
    forced: tuple[str, ...]


def pack_bundle(
    folder: Path, target: Path, check: Callable[[Path], Report], force: bool = False
) -> PackedBundle:
    """Write the bundle's zip after its check has found no error.

    Links are followed: the sample bundles share the programs at the top of the checkout. Data sets
    and tasks that are on the platform already stay as competition.yaml names them.

    Args:
        folder: the bundle.
        target: the zip to write, replacing one that is there.
        check: what `kit check` does with a bundle; it is given the zip.
        force: write it in spite of errors.

    Raises:
        UsageProblem: `folder` is not a folder, or `target` is not a zip name.
        KitError: competition.yaml cannot be read or is of CodaLab 1.5, what it names holds
            something else than regular files, or the check finds errors in the zip; every one is
            named, and nothing is written.
    """
    if not folder.is_dir():
        raise UsageProblem(f"{folder}: expected the folder of a bundle")
    if target.suffix != ".zip":
        raise UsageProblem(f"--out {target}: expected a name that ends in .zip")
    competition = read_competition(folder)
    if competition.is_old_format:
        # Its files stand under other keys, which this reader of version 2 does not know.
        raise KitError(f"{folder / COMPETITION_FILE}: {OLD_FORMAT}", hint=OLD_FORMAT_HINT)
    entries = {entry.name: entry for entry in _entries(competition)}
    entries[COMPETITION_FILE] = Entry(COMPETITION_FILE, folder / COMPETITION_FILE)
    with _scratch(target) as scratch:
        draft = Path(scratch, target.name)
        sha256 = write_zip(entries.values(), draft)
        forced = _errors(folder, check(draft), force)
        with writing(target, "the zip"):
            target.parent.mkdir(parents=True, exist_ok=True)
            draft.replace(target)
    return PackedBundle(sha256, tuple(sorted(entries)), forced)


def _scratch(target: Path) -> TemporaryDirectory[str]:
    """Make a folder on the target's disk: a bundle may not fit on that of temporary files."""
    above = next(parent for parent in target.absolute().parents if parent.is_dir())
    with writing(target, "the zip"):
        return TemporaryDirectory(prefix=f".{target.stem}.", dir=above)


def _errors(folder: Path, report: Report, force: bool) -> tuple[str, ...]:
    """Return the codes of the errors; without `force` they stop the packing."""
    errors = [finding for finding in report.sorted_findings() if finding.severity == "error"]
    if errors and not force:
        raise KitError(
            f"{folder}: not packed, because the upload would fail or the competition not run",
            [f"{finding.where}: {finding.found}" for finding in errors],
            f"fix these and pack again; `kit check {folder}` says more about each, --force packs "
            "all the same",
        )
    return tuple(sorted({finding.code for finding in errors}))


def _entries(competition: Competition) -> Iterator[Entry]:
    """Every file that competition.yaml names; the zip's own check reports what is not there.

    Raises:
        StrangeFiles: something there is no regular file that can be read; all are named.
    """
    names = {str(file.value) for file in competition.files() if competition.holds(file.value)}
    items = [item for name in sorted(names) for item in walk(competition.root / name)]
    if strange := [problem_of(item) for item in items if item.kind is not Kind.FILE]:
        raise strange_files(strange)
    for name in names:
        path = competition.root / name
        if path.is_file():
            yield Entry(PurePosixPath(name).as_posix(), path)
        else:
            inside = PurePosixPath(name)
            for entry in _shipped(path):
                yield Entry((inside / entry.name).as_posix(), entry.path)


def _shipped(folder: Path) -> list[Entry]:
    """List what ships of a folder: no junk, and dot files only where they hold a folder open.

    Raises:
        KitError: the folder holds no file at all, and a zip cannot carry it.
    """
    entries = tree_entries(folder)
    if not entries:
        raise KitError(
            f"{folder}: expected files in a folder that {COMPETITION_FILE} names, found none",
            hint="add the data, or an empty file named .gitkeep to keep the folder in the zip",
        )
    entries = [entry for entry in entries if not _in_cache(entry.name)] or entries
    plain = [entry for entry in entries if not entry.path.name.startswith(".")]
    filled = {parent for entry in plain for parent in PurePosixPath(entry.name).parents}
    placeholders = [
        entry
        for entry in entries
        if entry.path.name.startswith(".")
        and not is_junk(entry.path.name)
        and PurePosixPath(entry.name).parent not in filled
    ]
    # A folder of nothing else must not vanish: the server would not find the data set.
    return plain + placeholders or entries


def _in_cache(name: str) -> bool:
    """Say whether a file lies in a folder of Python's, git's or a notebook's own."""
    folders = PurePosixPath(name).parts[:-1]
    own = [part == "__pycache__" or (part.startswith(".") and is_junk(part)) for part in folders]
    return any(own)
