"""The list of checks of a competition bundle, and running them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from kit.checks.bundle.columns import check_leaderboards
from kit.checks.bundle.commands import Program, check_program
from kit.checks.bundle.contents import too_large, unpacked
from kit.checks.bundle.images import check_images
from kit.checks.bundle.keys import (
    check_fields,
    check_keys,
    check_named_files,
    check_special_files,
    check_tasks,
    check_texts,
)
from kit.checks.bundle.phases import check_phases
from kit.checks.bundle.reference import check_references
from kit.checks.submission.archive import check_zip
from kit.competition import OLD_FORMAT, Competition, read_competition
from kit.competition_schema import SECTIONS
from kit.contract import COMPETITION_FILE
from kit.errors import KitError
from kit.findings.finding import CheckResult, Finding, Report, Skipped, shown
from kit.packing.shipping import is_junk
from kit.server_fields import FileKind, flag_of
from kit.trees import walk
from kit.zips import unpack


def check_bundle(path: Path, now: datetime | None = None) -> Report:
    """Check everything of a bundle that needs no run; raises nothing.

    Args:
        path: the bundle's folder or zip.
        now: UTC without a time zone; the present moment by default.
    """
    report = Report("bundle", path.resolve().name, path)
    now = now or datetime.now(timezone.utc).replace(tzinfo=None)
    if path.is_dir():
        root = _inner(path)
        if root != path:
            found = f"is under {root.name}/, expected at the root"
            report.add("root", [Finding("bundle-root", COMPETITION_FILE, found)])
        _check_folder(report, root, now)
        return report
    report.add("zip", check_bundle_zip(path))
    with TemporaryDirectory(prefix="kit-check-") as folder:
        target = Path(folder, "bundle")
        try:
            unpack(path, target)
        except KitError as error:
            report.add_unopened(error, "kit bundle FOLDER")
            return report
        _check_folder(report, _inner(target), now)
    return report


def _inner(folder: Path) -> Path:
    """Return the folder of competition.yaml: `folder`, or one in it that was zipped by mistake."""
    nested = sorted(folder.glob(f"*/{COMPETITION_FILE}"))
    return nested[0].parent if nested and not (folder / COMPETITION_FILE).exists() else folder


def check_bundle_zip(path: Path) -> Iterator[Finding]:
    """A bundle's zip: as a submission's, but that names under which secrets hide may be data."""
    for finding in check_zip(path, COMPETITION_FILE):
        if finding.code == "zip-root":
            yield Finding("bundle-root", finding.file, finding.found)
        elif finding.code != "zip-name":
            yield finding


def _check_folder(report: Report, root: Path, now: datetime) -> None:
    path = root / COMPETITION_FILE
    if not path.is_file():
        found = Finding("bundle-root", COMPETITION_FILE, "expected at the root, found nowhere")
        report.add("competition.yaml", [found])
        return
    try:
        competition = read_competition(root)
    except KitError as error:
        text = error.message.removeprefix(f"{path}: ")
        report.add("competition.yaml", [Finding("bundle-yaml", COMPETITION_FILE, text)])
        return
    if competition.is_old_format:
        found = Finding("bundle-old-format", COMPETITION_FILE, OLD_FORMAT)
        report.add("competition.yaml", [found])
        return
    report.add("keys", check_keys(competition))
    report.add("fields", check_fields(competition))
    report.add("texts", check_texts(competition))
    report.add("files", check_named_files(competition))
    report.add("special files", check_special_files(competition))
    report.add("tasks", check_tasks(competition))
    report.add("phases", check_phases(competition, now))
    report.add("leaderboard", check_leaderboards(competition))
    report.add("programs", _programs(competition))
    report.add("data", _data(competition))
    report.add("images", check_images(competition))
    report.add("references", check_references(competition))


def _programs(competition: Competition) -> Iterator[Finding]:
    programs = [key for key, kind in SECTIONS["tasks"].files.items() if kind is FileKind.PROGRAM]
    seen = set()
    for _, task in competition.entries("tasks"):
        late = bool(flag_of(task.get("ingestion_only_during_scoring")))
        for key in programs:
            kind, value = key.removesuffix("_program"), task.get(key)
            if not competition.holds(value) or (kind, late, value) in seen:
                continue  # check_named_files reports what is not there
            seen.add((kind, late, value))
            with unpacked(competition.root / str(value)) as (folder, problem):
                if folder is not None:
                    yield from check_program(Program(kind, late, str(value), folder))
                elif problem:
                    yield Finding("zip-damaged", str(value), problem)


def _data(competition: Competition) -> Iterator[CheckResult]:
    """Junk in what ships, and zips of data that do not open."""
    named = [file for file in competition.files() if file.place[0] == "tasks"]
    kinds = {file.value: file.kind for file in named if competition.holds(file.value)}
    for value, kind in kinds.items():
        with unpacked(competition.root / value) as (folder, problem):
            names = [item.name for item in walk(folder)] if folder else []
        if problem and too_large(competition.root / value):
            yield Skipped(value, problem, "unzip it, and name the folder")
        elif problem and kind is FileKind.DATA:  # _programs reports those of programs
            yield Finding("zip-damaged", value, problem)
        if junk := [name for name in names if _is_junk(name)]:
            yield Finding("bundle-junk", value, f"files that nobody meant to ship: {shown(junk)}")


def _is_junk(name: str) -> bool:
    # Caches of Python are left out by `kit bundle`, and harm nobody.
    return any(is_junk(part) for part in PurePosixPath(name).parts if part != "__pycache__") and (
        "__pycache__" not in name
    )
