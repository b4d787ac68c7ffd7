"""One run: a submission through both steps of a task, and the folder that it leaves.

runs/RUN_ID/ holds predictions.txt, scores.json, detailed_results.html, the logs of both steps
in logs/, and run.json, which says how to repeat the run. A run that was cut off also leaves
journal.txt, with which it can be resumed.
"""

from __future__ import annotations

import errno
import platform
import secrets
import shutil
import sys
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import kit
from kit.bundles import Bundle, Task
from kit.contract import PREDICTIONS_FILE, REPORT_FILE
from kit.digests import digest_of
from kit.errors import KitError, UsageProblem
from kit.files import write_json
from kit.isolation.modes import SUBPROCESS, Mode
from kit.journal import Journal
from kit.records import RECORD_FILE, read_record
from kit.requirements import unmet_requirements
from kit.scores import Cell, leaderboard, missing_keys, read_scores
from kit.submissions import LaidOut, Submission, lay_out
from kit.vendoring.imports import unvendored_packages
from kit.verdict import Verdict, platform_verdict
from kit.worker import (
    OnTick,
    StepResult,
    Workspace,
    no_progress,
    predict,
    score,
    zip_output,
)

_RECORDED_PACKAGES = ("numpy", "scikit-learn", "pillow", "torch", "torchvision", "timm")
_LOG_TAIL_LINES = 15


@dataclass
class Run:
    """The result of a run. `failure` is empty when it ended with every score.

    `missing_keys` are the leaderboard's keys that the scores lack.
    """

    submission: Submission
    bundle: Bundle
    task: Task
    folder: Path
    started: datetime
    mode: str
    digests: dict[str, str] = field(default_factory=dict)
    steps: list[StepResult] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)
    missing_keys: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failure: str = ""
    verdict: Verdict | None = None

    @property
    def report(self) -> Path | None:
        """The HTML report, where the scoring program wrote one."""
        path = self.folder / REPORT_FILE
        return path if path.is_file() else None


def run(
    submission: Submission,
    bundle: Bundle,
    task: Task,
    folder: Path,
    *,
    mode: Mode = SUBPROCESS,
    time_limit_s: float | None = None,
    on_tick: OnTick = no_progress,
    resume: bool = False,
    laid_out: LaidOut | None = None,
) -> Run:
    """Run a submission against a task and leave everything about it in `folder`.

    A submission or program that fails is a result, not an exception: `Run.failure` says it.

    Args:
        submission: what to run.
        bundle: the bundle that `task` belongs to.
        task: whose programs and data are used.
        folder: the run's own folder.
        mode: how programs are run.
        time_limit_s: of each step; None for the phase's.
        on_tick: called several times a second with the step, its seconds and its output so far.
        resume: continue the run that was cut off in `folder`.
        laid_out: the submission, where it is laid out already.

    Raises:
        KitError: the submission or a program of the bundle cannot be used at all, or what
            decides the predictions has changed since the run that is resumed.
        UsageProblem: `folder` holds something already, or nothing to resume.
    """
    before = read_record(folder) if resume else None
    if before is None:
        _make_run_folder(folder)
    folder = folder.resolve()
    result = Run(submission, bundle, task, folder, datetime.now(timezone.utc), mode.name)
    workspace = _make_workspace(folder, mode, time_limit_s or task.time_limit_s, on_tick)
    try:
        laid_out = laid_out or lay_out(submission, workspace.folder("prediction") / "program")
        journal = _prepare(result, workspace, laid_out, before)
        _both_steps(result, workspace, laid_out, journal)
    except (KeyboardInterrupt, KitError) as error:
        result.failure = error.message if isinstance(error, KitError) else "interrupted"
        raise
    finally:
        shutil.rmtree(workspace.root, ignore_errors=True)
        # A resume that was refused leaves the record of the run as it is.
        if result.digests or before is None:
            _record(result)
    return result


def _make_run_folder(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageProblem(f"--out {folder}: expected a new or empty folder, found something there")
    folder.mkdir(parents=True, exist_ok=True)


def _make_workspace(folder: Path, mode: Mode, limit_s: float, on_tick: OnTick) -> Workspace:
    logs = folder / "logs"
    logs.mkdir(exist_ok=True)
    return Workspace(Path(mkdtemp(prefix=".stage-", dir=folder)), logs, limit_s, mode, on_tick)


def _prepare(
    result: Run, workspace: Workspace, laid_out: LaidOut, before: dict[str, Any] | None
) -> Journal:
    """Take digests and notes, and start the journal, or resume it if `before` is a record.

    run.json is written here for the first time: a run whose kit was killed can be resumed.
    """
    digests = {"submission": laid_out.digest, **_bundle_digests(result.task)}
    if before is None:
        journal = Journal.start(result.folder, digests)
    else:
        journal = Journal.resume(result.folder, before, digests)
        result.notes.append(
            "resumed: the time of what was cut off does not count against the limit here"
        )
        for left in result.folder.glob(".stage-*"):
            if left != workspace.root:
                shutil.rmtree(left, ignore_errors=True)
    result.digests = digests
    result.notes += _notes(result.submission, laid_out.folder)
    result.failure = "not finished"
    _record(result)
    result.failure = ""
    return journal


def new_run_folder(base: Path, submission: Submission, task: Task) -> Path:
    """Return a path below `base` for a new run; the names of runs sort by time."""
    stamp = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S")
    slug = "".join(c if c.isalnum() else "-" for c in task.name.lower()).strip("-")[:30]
    return base / f"{stamp}-{submission.name[:40]}-{slug}-{secrets.token_hex(2)}"


def _both_steps(result: Run, workspace: Workspace, laid_out: LaidOut, journal: Journal) -> None:
    """Predict and score by the strict rule; find what the platform would show.

    A failed prediction is scored all the same, as the platform does, but only for its verdict.
    """
    prediction = _predict(result, workspace, laid_out, journal)
    scoring = None
    if not prediction.timed_out:
        try:
            results = zip_output(prediction, workspace)
        except KitError as error:
            result.failure = result.failure or str(error)
        else:
            if not prediction.failure:
                journal.remove()
            scoring = score(result.task, workspace, results)
            result.steps.append(scoring)
    result.verdict = platform_verdict(result.bundle, prediction, scoring)
    if scoring and not prediction.failure:
        _keep_scores(result, scoring)


def _predict(result: Run, workspace: Workspace, laid_out: LaidOut, journal: Journal) -> StepResult:
    try:
        prediction = predict(result.task, workspace, laid_out.folder, journal)
    finally:
        journal.keep(workspace.folder("prediction", "output"))
    result.steps.append(prediction)
    result.failure = prediction.failure
    _keep(prediction.output / PREDICTIONS_FILE, result.folder)
    return prediction


def _keep_scores(result: Run, scoring: StepResult) -> None:
    _keep(scoring.output / REPORT_FILE, result.folder)
    result.failure = scoring.failure
    if scoring.failure:
        return
    try:
        result.scores = read_scores(scoring.output)
    except KitError as error:
        result.failure = str(error)
        return
    result.cells = leaderboard(result.bundle, result.scores)
    result.missing_keys = missing_keys(result.cells)
    if result.missing_keys:
        result.failure = f"scores without the leaderboard's keys {', '.join(result.missing_keys)}"
    write_json(result.folder / "scores.json", result.scores)


def _notes(submission: Submission, laid_out: Path) -> list[str]:
    notes = [f"requirement not met here: {item}" for item in unmet_requirements(laid_out)]
    if not submission.is_zip:
        problems = [p for p in submission.shipment.problems if p.severity == "error"]
        notes += [f"kit pack would refuse this: {problem}" for problem in problems]
    notes += [
        f"{package} is imported and not in the submission; `kit vendor` copies shared packages"
        for package in unvendored_packages(submission.path, laid_out)
    ]
    return notes


def _bundle_digests(task: Task) -> dict[str, str]:
    paths = {
        "ingestion_program": task.ingestion_program,
        "scoring_program": task.scoring_program,
        "input_data": task.input_data,
        "reference_data": task.reference_data,
    }
    return {name: digest_of(path) for name, path in paths.items() if path is not None}


def _keep(source: Path, folder: Path) -> None:
    if source.is_file() and not source.is_symlink():
        shutil.copyfile(source, folder / source.name)


def _record(result: Run) -> None:
    """Write run.json; a full disk here must not hide why the run itself ended."""
    try:
        write_json(result.folder / RECORD_FILE, as_json(result))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"{RECORD_FILE} could not be written: {error.strerror}", file=sys.stderr)


def as_json(result: Run) -> dict[str, Any]:
    """Return the run as `run.json` and `kit run --json` give it."""
    return {
        "format": 1,
        "submission": result.submission.name,
        "submission_path": str(result.submission.path),
        "bundle": result.bundle.title,
        "bundle_path": str(result.bundle.path),
        "task": {"index": result.task.index, "name": result.task.name, "phase": result.task.phase},
        "mode": result.mode,
        "ok": not result.failure,
        "failure": result.failure,
        "scores": result.scores,
        "leaderboard": [
            {
                "key": cell.column.key,
                "title": cell.column.title,
                "value": cell.value,
                "shown": cell.shown,
                "sorting": cell.column.sorting,
            }
            for cell in result.cells
        ],
        "platform": result.verdict.as_json() if result.verdict else None,
        "steps": [_step_json(step) for step in result.steps],
        "notes": result.notes,
        "report": str(result.report) if result.report else None,
        "folder": str(result.folder),
        "digests": result.digests,
        "started": result.started.isoformat(timespec="seconds"),
        "command": sys.argv[1:],
        "kit": kit.__version__,
        "machine": machine(),
    }


def _step_json(step: StepResult) -> dict[str, Any]:
    return {
        "name": step.name,
        "seconds": round(step.seconds, 3),
        "limit_seconds": step.limit_s,
        "peak_bytes": step.peak_bytes,
        "failure": step.failure,
        "exit_status": {kind: outcome.exit_status for kind, outcome in step.outcomes.items()},
    }


def machine() -> dict[str, Any]:
    """Return Python, packages and system: what may change the last digits of a score."""
    packages = {}
    for name in _RECORDED_PACKAGES:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "packages": packages,
    }


def tail(log: Path | None) -> list[str]:
    """Return the last lines of a log, for the terminal; none where there is no log."""
    if log is None or not log.is_file():
        return []
    with log.open("rb") as stream:
        stream.seek(0, 2)
        stream.seek(max(0, stream.tell() - 16_384))
        text = stream.read().decode("utf-8", "replace")
    return text.rstrip().splitlines()[-_LOG_TAIL_LINES:]
