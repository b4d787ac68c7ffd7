"""The static checks of a submission, and running them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from kit.bundles import Bundle, Task
from kit.checks.submission import (
    devices,
    files,
    formats,
    imports,
    launching,
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
from kit.contracts.reading import Contract
from kit.contracts.recognising import contract_of
from kit.errors import KitError
from kit.findings.finding import CheckResult, Finding, Report
from kit.repository import provided
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

# A result submission has no code to look at.
OF_RESULTS = ("files", "names and sizes")


def check_statically(submission: Submission, bundle: Bundle | None = None) -> Report:
    """Check a submission as far as that is possible without running it; raises nothing.

    Args:
        submission: a folder, read as `kit pack` would ship it, or a zip.
        bundle: what it is for; the whitelist of its first task and its track count. Without one
            the metadata has to name a track, and our whitelist counts.
    """
    with opened_for_checks(submission) as (report, subject):
        if subject is not None:
            check_subject(report, subject, bundle.tasks[0] if bundle else None)
            report.add("track", files.check_track(subject, bundle))
    return report


@contextmanager
def opened_for_checks(submission: Submission) -> Iterator[tuple[Report, Subject | None]]:
    """Give a new report and the open submission.

    The report of a zip holds what can be said without unpacking. The submission is None where it
    cannot be opened or is damaged; the report then has an error.
    """
    report = Report("submission", submission.name, submission.path)
    if submission.is_zip:
        report.add("zip", check_zip(submission.path))
    subject = None
    with ExitStack() as stack:
        try:
            if any(finding.code == "zip-damaged" for finding in report.findings):
                raise KitError("the zip is damaged")
            subject = stack.enter_context(opened(submission))
        except KitError as error:
            report.add_unopened(error, "kit pack FOLDER")
        yield report, subject


def check_subject(report: Report, subject: Subject, task: Task | None) -> None:
    """Run every static check of its kind on a submission that is open."""
    names = tuple(STATIC)
    if subject.is_result:
        report.kind, names = "result submission", OF_RESULTS
    contract = contract_of(task) if task else None
    left_out = launching.left_out_by(contract)
    with whitelist_of(task) as whitelist:
        subject = replace(subject, whitelist=whitelist)
        for name in names:
            found = _check_of(name, contract)(subject)
            own = launching.check_code_file(subject, contract) if name == "files" else ()
            report.add(name, [*(one for one in found if _code_of(one) not in left_out), *own])


def _check_of(name: str, contract: Contract | None) -> Check:
    is_script = contract is not None and contract.script
    return launching.check_requirements if is_script and name == "requirements" else STATIC[name]


def _code_of(found: CheckResult) -> str:
    return found.code if isinstance(found, Finding) else ""


@contextmanager
def whitelist_of(task: Task | None) -> Iterator[Path | None]:
    """Give the organiser's whitelist.txt: the task's, else ours."""
    program = task.ingestion_program if task else None
    if program is None:
        program = provided() / "ingestion_program"
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
