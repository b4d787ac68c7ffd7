"""One run: a submission through both steps of a task, and the folder that it leaves.

runs/RUN_ID/ holds predictions.txt (or the file of the bundle's contract), candidates.csv where
there is one, scores.json, detailed_results.html, the logs of both steps in logs/, and run.json,
which says how to repeat the run. A run that was cut off also leaves journal.txt, with which it can
be resumed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from kit.absences import absence_notes, refuse_incomplete
from kit.bundles import Bundle, Task
from kit.contract import CANDIDATES_FILE, PREDICTIONS_FILE
from kit.contracts.kept import predictions_names
from kit.digests import digests_of
from kit.errors import KitError
from kit.files import FULL, WriteFailed, write_json
from kit.isolation.logs import name_paths
from kit.isolation.modes import SUBPROCESS, Mode
from kit.journal import Journal
from kit.records import RECORD_FILE, read_record
from kit.run_folder import keep_file, make_run_folder, report_in, resumed_by
from kit.run_notes import doubts_of_run, notes_of_ingestion, notes_on, user_paths
from kit.run_record import as_json
from kit.scores import Cell, Stored, cells_of, missing_keys, read_scores, read_written, store
from kit.standings.commits import commit_of
from kit.submissions import LaidOut, Submission, has_command, lay_out
from kit.trees import remove_tree
from kit.verdict import Verdict, platform_verdict, unknown_verdict
from kit.worker import (
    OnTick,
    StepResult,
    Workspace,
    no_progress,
    predict,
    score,
    zip_output,
)


@dataclass
class Run:
    """The result of a run. `failure` is empty when it ended with every score.

    `stored` is what the server keeps of the scores, `missing_keys` the leaderboard's keys that
    they lack. `commit` is the submission's (kit.standings.commits).
    """

    submission: Submission
    bundle: Bundle
    task: Task
    folder: Path
    started: datetime
    mode: str
    commit: dict[str, Any] | None = None
    digests: dict[str, str] = field(default_factory=dict)
    steps: list[StepResult] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)
    stored: Stored = field(default_factory=Stored)
    missing_keys: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failure: str = ""
    verdict: Verdict | None = None

    @property
    def report(self) -> Path | None:
        """The HTML report, where the scoring program wrote one."""
        return report_in(self.folder)


def run(
    submission: Submission,
    bundle: Bundle,
    task: Task,
    folder: Path,
    *,
    mode: Mode = SUBPROCESS,
    mode_note: str = "",
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
        mode_note: why it was chosen, where it is not the usual one.
        time_limit_s: of each step; None for the phase's.
        on_tick: called several times a second with the step, its seconds and its output so far.
        resume: continue the run that was cut off in `folder`.
        laid_out: the submission, where it is laid out already.

    Raises:
        KitError: the submission or a program of the bundle cannot be used at all, the bundle
            lacks what the run needs, or what decides the predictions has changed since the run
            that is resumed.
        UsageProblem: `folder` holds something already, or nothing to resume.
    """
    refuse_incomplete(bundle, task, has_command(submission))
    before = read_record(folder) if resume else None
    if before is None:
        make_run_folder(folder)
    folder = folder.resolve()
    result = Run(submission, bundle, task, folder, datetime.now(timezone.utc), mode.name)
    result.notes += [mode_note] if mode_note else []
    workspace = _make_workspace(folder, mode, time_limit_s or task.time_limit_s, on_tick)
    try:
        laid_out = laid_out or lay_out(submission, workspace.folder("prediction") / "program")
        journal = _prepare(result, workspace, laid_out, before)
        _both_steps(result, workspace, laid_out, journal)
    except (KeyboardInterrupt, KitError) as error:
        result.failure = error.message if isinstance(error, KitError) else "interrupted"
        raise
    finally:
        name_paths(workspace.logs, user_paths(result, workspace, laid_out))
        remove_tree(workspace.root)
        # A resume that was refused leaves the record of the run as it is.
        if result.digests or before is None:
            _record(result)
    return result


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
                remove_tree(left)
    result.digests = digests
    result.commit = commit_of(result.submission.path)
    result.notes += [
        *notes_on(result.submission, laid_out.folder, result.bundle),
        *absence_notes(result.bundle, result.task),
    ]
    result.failure = "not finished"
    _record(result)
    result.failure = ""
    return journal


def _both_steps(result: Run, workspace: Workspace, laid_out: LaidOut, journal: Journal) -> None:
    """Predict and score by the strict rule; find what the platform would show.

    A failed prediction is scored all the same, as the platform does, but only for its verdict.
    """
    prediction = _predict(result, workspace, laid_out, journal)
    scoring = None
    if not prediction.timed_out:
        try:
            results = zip_output(prediction, workspace)
        except WriteFailed:
            raise  # this machine's fault, and no answer to what the platform would have done
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
    if result.failure and (found := doubts_of_run(result, workspace, laid_out)):
        result.verdict = unknown_verdict(found)


def _predict(result: Run, workspace: Workspace, laid_out: LaidOut, journal: Journal) -> StepResult:
    try:
        prediction = predict(result.task, workspace, laid_out.folder, journal)
    finally:
        journal.keep(workspace.folder("prediction", "output"))
    result.steps.append(prediction)
    result.notes += notes_of_ingestion(workspace.logs)
    result.failure = prediction.failure
    done = journal.predicted()
    if prediction.timed_out and done is not None:
        result.failure += (
            f" after {done:,} images; `kit run --resume {resumed_by(result.folder)}` predicts the "
            "others"
        )
    for name in {PREDICTIONS_FILE, CANDIDATES_FILE, *predictions_names(result.task)}:
        keep_file(prediction.output / name, result.folder)
    return prediction


def _keep_scores(result: Run, scoring: StepResult) -> None:
    if report := report_in(scoring.output):
        keep_file(report, result.folder)
    result.failure = scoring.failure
    if scoring.failure:
        return
    keys = [column.key for column in result.bundle.columns]
    try:
        result.scores = read_scores(scoring.output, keys)
    except KitError as error:
        result.failure = str(error)
        return
    result.stored = store(read_written(scoring.output).content, result.bundle.columns)
    result.cells = cells_of(result.bundle, result.stored)
    result.missing_keys = missing_keys(result.cells)
    if result.missing_keys:
        result.failure = f"scores without the leaderboard's keys {', '.join(result.missing_keys)}"
    write_json(result.folder / "scores.json", result.scores, "the scores of the run")


def _bundle_digests(task: Task) -> dict[str, str]:
    paths = {
        "ingestion_program": task.ingestion_program,
        "scoring_program": task.scoring_program,
        "input_data": task.input_data,
        "reference_data": task.reference_data,
    }
    return digests_of({name: path for name, path in paths.items() if path is not None})


def _record(result: Run) -> None:
    """Write run.json; a full disk here must not hide why the run itself ended."""
    try:
        write_json(result.folder / RECORD_FILE, as_json(result), "the record of the run")
    except WriteFailed as error:
        if error.errno not in FULL:
            raise
        result.notes.append(error.message)
