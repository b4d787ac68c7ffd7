"""All checks of a submission: those that read it, those that run it, those that score it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from kit import bundles
from kit.bundles import Bundle, Task
from kit.checks.engine import check_statically
from kit.checks.running.behaviour import (
    check_answers,
    check_loading,
    check_odd,
    check_sameness,
    check_surroundings,
    check_written,
)
from kit.checks.running.forecast import check_forecast, forecast
from kit.checks.running.pictures import odd_pictures, sample
from kit.checks.running.probing import Laboratory, laboratory
from kit.checks.running.scored_run import check_scores
from kit.checks.submission.imports import missing_packages
from kit.checks.submission.subject import opened
from kit.contract import DEFAULT_TIME_LIMIT_S
from kit.errors import KitError, UsageProblem
from kit.findings.finding import Report, Skipped
from kit.repository import checkout
from kit.submissions import Submission, track_of

# With one of these nothing can be run, or should be.
_IN_THE_WAY = frozenset((
    "model-missing", "model-class", "load-missing", "predict-missing", "init-arguments",
    "zip-root", "pickle-global", "method-async",
))  # fmt: skip
_NO_RUN = frozenset(
    ("load-fails", "predict-fails", "probe-crash", "probe-timeout", "return-type", "time-limit")
)
_RUNNING = "loading, answers, odd pictures, sameness, time and memory"
_SCORING = "scores, ties, the negated score"


def check_submission(
    submission: Submission,
    bundle_path: Path | None,
    task_name: str | None,
    images: int | None,
    quick: bool,
) -> Report:
    """Check a submission as far as it can be.

    Args:
        submission: a folder or zip.
        bundle_path: a bundle to run against; that of its track in sample_data by default.
        task_name: name or index of a task; the first by default.
        images: how many hidden pictures there are; as many as the task's by default.
        quick: leave out what has to run the model.

    Raises:
        UsageProblem: the bundle or task that was named is not there.
    """
    with _against(submission, bundle_path, task_name) as (bundle, task, problem):
        report = check_statically(submission, task)
        if not quick:
            why = _in_the_way(report, submission)
            if why is not None:
                report.skipped += [
                    Skipped(name, why.why, why.command) for name in (_RUNNING, _SCORING)
                ]
                return report
            track = check_running(report, submission, task, images)
            _score(report, submission, bundle, task, problem, track, images is not None)
    return report


def check_running(
    report: Report, submission: Submission, task: Task | None, images: int | None
) -> str | None:
    """Run the probes and take what they tell into the report.

    Returns:
        the track that the metadata names, None where it names none.
    """
    limit = task.time_limit_s if task else DEFAULT_TIME_LIMIT_S
    with laboratory(submission, limit) as room, TemporaryDirectory(prefix="kit-check-") as folder:
        track = track_of(room.submission)
        _probe(report, room, task, images, track, Path(folder))
    return track


def _probe(
    report: Report,
    room: Laboratory,
    task: Task | None,
    images: int | None,
    track: str | None,
    folder: Path,
) -> None:
    chosen = sample(task.input_data if task else None, folder)
    before = room.files()
    probe = room.probe(chosen.paths, odd_pictures(folder))
    report.add("loading", check_loading(probe))
    if probe.load_seconds is None:
        return
    report.add("answers", check_answers(probe, track))
    report.add("odd pictures", check_odd(probe, track))
    report.add("sameness", check_sameness(probe))
    if probe.finished and not probe.of("error", "first"):
        few = chosen.paths[: max(2, len(probe.answers("first")) // 2)]
        report.add("surroundings", check_surroundings(room, probe, few))
    report.add("written files", check_written(before, room.files()))
    report.forecast = forecast(probe, chosen, task, images)
    report.add("time and memory", check_forecast(report.forecast))


def _in_the_way(report: Report, submission: Submission) -> Skipped | None:
    """Why nothing can be run, None where it can."""
    codes = sorted({f.code for f in report.findings} & _IN_THE_WAY)
    syntax = [f for f in report.findings if f.code == "python-syntax" and f.severity == "error"]
    if report.skipped and submission.is_zip and not codes:
        codes = ["the zip"]
    if codes or syntax:
        named = ", ".join(codes or ["python-syntax"])
        return Skipped("", f"mend {named} first", f"kit check {submission.name}")
    try:
        with opened(submission, None) as subject:
            missing = missing_packages(subject)
    except KitError as error:
        return Skipped("", error.message, "kit pack FOLDER")
    if missing:
        names = " ".join(missing)
        return Skipped("", f"not installed here: {names}", f"pip install {names}")
    return None


@contextmanager
def _against(
    submission: Submission, bundle_path: Path | None, task_name: str | None
) -> Iterator[tuple[Bundle | None, Task | None, str]]:
    """The bundle and task to run against, or why there are none."""
    path = bundle_path or _default_bundle(submission)
    if path is None:
        yield None, None, "no bundle of the submission's track"
        return
    with ExitStack() as stack:
        bundle, task, problem = None, None, ""
        try:
            bundle = stack.enter_context(bundles.opened(path))
            task = bundle.task(task_name)
        except UsageProblem:
            raise
        except KitError as error:
            problem = "; ".join([error.message, *error.problems])
        yield bundle, task, problem


def _default_bundle(submission: Submission) -> Path | None:
    try:
        with opened(submission, None) as subject:
            track = track_of(subject.root)
        path = checkout() / "sample_data" / (track or "hybrid")
    except KitError:
        return None
    return path if path.is_dir() else None


def _score(
    report: Report,
    submission: Submission,
    bundle: Bundle | None,
    task: Task | None,
    problem: str,
    track: str | None,
    other_size: bool,
) -> None:
    """The scored run; `other_size`: the forecast is for more pictures than the task has."""
    errors = {f.code for f in report.findings if f.severity == "error"} & _NO_RUN
    if other_size:
        errors.discard("time-limit")
    command = f"kit check {submission.name} --bundle BUNDLE"
    if bundle is None or task is None:
        report.skipped.append(Skipped(_SCORING, problem, command))
    elif task.reference_data is None or task.ingestion_program is None:
        why = "the task has no reference data or no ingestion program"
        report.skipped.append(Skipped(_SCORING, why, command))
    elif errors:
        why = f"mend {', '.join(sorted(errors))} first"
        report.skipped.append(Skipped(_SCORING, why, f"kit check {submission.name}"))
    else:
        report.add("scores", check_scores(submission, bundle, task, track))
