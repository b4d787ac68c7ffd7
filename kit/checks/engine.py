"""The static checks of a submission, and running them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from kit.bundles import Task
from kit.checks.submission import (
    devices,
    files,
    formats,
    imports,
    licences,
    network,
    paths,
    pickles,
    requirements,
    signatures,
    torch_loads,
    vendored,
)
from kit.checks.submission.archive import check_zip
from kit.checks.submission.subject import Subject, opened
from kit.errors import KitError, UsageProblem
from kit.findings.finding import CheckResult, Report, Skipped
from kit.repository import checkout
from kit.submissions import Submission
from kit.zips import unpack

Check = Callable[[Subject], Iterable[CheckResult]]

STATIC: dict[str, Check] = {
    "files": files.check_files,
    "names and sizes": files.check_names,
    "metadata": files.check_metadata,
    "syntax": signatures.check_syntax,
    "contract": signatures.check_contract,
    "work at import": signatures.check_module_level,
    "requirements": requirements.check_requirements,
    "imports": imports.check_imports,
    "vendored": vendored.check_vendored,
    "formats": formats.check_formats,
    "pickles": pickles.check_pickles,
    "torch.load": torch_loads.check_torch_loads,
    "licences": licences.check_licences,
    "paths": paths.check_paths,
    "network": network.check_network,
    "devices": devices.check_devices,
}


def check_statically(submission: Submission, task: Task | None = None) -> Report:
    """Check a submission as far as that is possible without running it; raises nothing.

    Args:
        submission: a folder, read as `kit pack` would ship it, or a zip.
        task: whose ingestion program's whitelist counts; ours without one.
    """
    report = begin_report(submission)
    try:
        with opened(submission) as subject:
            check_subject(report, subject, task)
    except KitError as error:
        skip_static(report, error)
    return report


def begin_report(submission: Submission) -> Report:
    """Return a new report; of a zip, it holds what can be said without unpacking."""
    report = Report("submission", submission.name, submission.path)
    if submission.is_zip:
        report.add("zip", check_zip(submission.path))
    return report


def check_subject(report: Report, subject: Subject, task: Task | None) -> None:
    """Run every static check on a submission that is open."""
    with whitelist_of(task) as whitelist:
        subject = replace(subject, whitelist=whitelist)
        for name, check in STATIC.items():
            report.add(name, check(subject))


def skip_static(report: Report, error: KitError) -> None:
    """Write into the report that the submission cannot be opened, and why."""
    why = "; ".join([error.message, *error.problems])
    report.skipped += [Skipped(name, why, "kit pack FOLDER") for name in STATIC]


@contextmanager
def whitelist_of(task: Task | None) -> Iterator[Path | None]:
    """Give the organiser's whitelist.txt: the task's, else ours where a checkout is around."""
    program = task.ingestion_program if task else None
    if program is None:
        try:
            program = checkout() / "ingestion_program"
        except UsageProblem:
            yield None
            return
    if program.is_dir():
        yield _in(program)
        return
    with TemporaryDirectory(prefix="kit-check-") as folder:
        target = Path(folder, "program")
        try:
            unpack(program, target)
            found = _in(target)
        except KitError:
            found = None
        yield found


def _in(program: Path) -> Path | None:
    path = program / "whitelist.txt"
    return path if path.is_file() else None
