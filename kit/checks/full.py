"""All checks of a submission: those that read it, those that run it, those that score it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from kit.bundles import Task
from kit.checks.engine import check_subject, opened_for_checks
from kit.checks.running.behaviour import (
    check_answers,
    check_loading,
    check_odd,
    check_plan,
    check_sameness,
    check_surroundings,
    check_written,
)
from kit.checks.running.forecast import check_forecast, forecast
from kit.checks.running.images import Sample, odd_images, sample
from kit.checks.running.own_program import check_own_program, other_call
from kit.checks.running.probing import Laboratory, laboratory, planning_program, plans_for
from kit.checks.running.result_file import check_result_file
from kit.checks.running.scored_run import check_result_scores, check_scores
from kit.checks.submission.files import check_track
from kit.checks.submission.imports import missing_packages
from kit.checks.submission.subject import Subject
from kit.checks.target import Target, opened_target
from kit.contract import DEFAULT_TIME_LIMIT_S
from kit.findings.finding import Report, Skipped
from kit.isolation.app_paths import submission_paths
from kit.submissions import Submission, known_track, metadata_of

# With one of these nothing can be run, or should be.
_PREVENTS_RUNNING = frozenset((
    "model-missing", "model-class", "load-missing", "predict-missing", "init-arguments",
    "zip-root", "pickle-global", "method-async",
))  # fmt: skip
_PREVENTS_SCORING = frozenset((
    "load-fails", "network-needed", "predict-fails", "probe-crash", "probe-timeout", "return-type",
    "return-not-finite", "time-limit", "program-fails", "answers-missing",
))  # fmt: skip
# What the sources show of the network, and what running them shows of the same place.
_SEEN_UNREAD = ("network-call", "network-hub")
_SEEN_RUNNING = ("network-needed", "network-tried")
_RUNNING = "loading, answers, odd images, sameness, time and memory"
_SCORING = "scores, ties, the negated score"


# Progress callback: what begins now, in a few words.
Tell = Callable[[str], None]


def tell_nobody(what: str) -> None:
    """Show no progress."""


@dataclass(frozen=True)
class Context:
    """One check: the open submission, what it runs against, and for how many images.

    `problem` says why there is no target, and is empty where there is one. `images` is the number
    of hidden images, None for the task's own. `tell` is called with what begins.
    """

    subject: Subject
    target: Target | None = None
    problem: str = ""
    images: int | None = None
    tell: Tell = tell_nobody

    @property
    def submission(self) -> Submission:
        """The submission as the user named it."""
        return self.subject.submission

    @property
    def task(self) -> Task | None:
        """The task of the target."""
        return self.target.task if self.target else None

    @property
    def limit_s(self) -> float:
        """The time limit of a step: the task's, else the platform's default."""
        return self.task.time_limit_s if self.task else DEFAULT_TIME_LIMIT_S

    @property
    def track(self) -> str | None:
        """The track that the metadata names, None where it names none that the kit knows."""
        return known_track(metadata_of(self.subject.root).get("track"))


def check_submission(
    submission: Submission,
    bundle_path: Path | None,
    task_name: str | None,
    images: int | None,
    quick: bool,
    tell: Tell = tell_nobody,
) -> Report:
    """Check a submission as far as it can be.

    Args:
        submission: a folder or zip.
        bundle_path: a bundle to run against; that of its track in sample_data by default.
        task_name: name or index of a task; the first by default.
        images: the number of hidden images; as many as the task has by default.
        quick: leave out what has to run the model.
        tell: called with what begins.

    Raises:
        UsageProblem: the bundle or task that was named is not there.
    """
    tell("reading the files")
    with ExitStack() as stack:
        report, subject = stack.enter_context(opened_for_checks(submission))
        if subject is None:
            return report
        target, problem = stack.enter_context(opened_target(subject, bundle_path, task_name))
        context = Context(subject, target, problem, images, tell)
        check_subject(report, subject, context.task)
        if bundle_path is None or target is not None:
            named = target.bundle if target and bundle_path else None
            report.add("track", check_track(subject, named))
        if quick:
            return report
        if subject.is_result:
            _check_result(report, context)
            return report
        _check_by_running(report, context)
    return report


def _check_result(report: Report, context: Context) -> None:
    """Have the bundle's own programs read the predictions, where a bundle is named."""
    target = context.target
    report.add("predictions file", check_result_file(context.subject.root, context.task))
    errors = sorted({item.code for item in report.findings if item.severity == "error"})
    why = f"fix {', '.join(errors)} first" if errors else ""
    if target is None:
        why = why or context.problem
    elif target.task.reference_data is None:
        why = why or "the task has no reference data"
    if not why and target:
        found = check_result_scores(context.submission, target.bundle, target.task)
        report.add("scores", found)
        return
    command = f"kit check {context.submission.path} --bundle BUNDLE"
    report.skipped.append(Skipped("predictions, scores", why, command))


def _check_by_running(report: Report, context: Context) -> None:
    program = planning_program(context.task)
    why = _why_not_run(report, context.subject)
    if why is not None:
        _skip_running(report, why)
        return
    with TemporaryDirectory(prefix="kit-check-") as name:
        folder = Path(name)
        chosen = sample(context.task.input_data if context.task else None, folder)
        with laboratory(context.submission, context.limit_s, program, chosen.metadata) as room:
            check_running(report, context, room, chosen, folder)
            _check_scored(report, context, room)


def check_running(
    report: Report, context: Context, room: Laboratory, chosen: Sample, folder: Path
) -> None:
    """Run the probes and write into the report what they tell.

    Args:
        report: gets the findings and the forecast.
        context: what is checked.
        room: where the submission is laid out.
        chosen: the images of the task.
        folder: where odd images are drawn.
    """
    before = room.files()
    context.tell(f"loading the model and predicting up to {len(chosen.paths)} images")
    images = (chosen.paths, odd_images(folder)) if not other_call(context.task) else ((), ())
    probe = room.probe(*images)
    if probe.of("error") and (named := submission_paths(context.submission)):
        why = f"{named[0]}, and a submission that is tried alone has no /app"
        report.skipped.append(Skipped(_RUNNING, why, f"kit run {context.submission.name}"))
        return
    report.add("loading", check_loading(probe))
    _leave_out_repeated(report)
    if probe.load_seconds is None:
        return
    target, count = context.target, context.images
    if target and check_own_program(report, room, probe, target, count):
        report.add("time and memory", check_forecast(report.forecast))
        return
    report.add("calling", check_plan(probe, decides=plans_for(context.task)))
    if probe.of("error", "plan"):
        return
    report.add("answers", check_answers(probe, context.track))
    report.add("odd images", check_odd(probe, context.track))
    report.add("sameness", check_sameness(probe))
    if probe.finished and not probe.of("error", "first"):
        context.tell("predicting again in another folder and with one thread")
        few = chosen.paths[: max(2, len(probe.answers("first")) // 2)]
        report.add("surroundings", check_surroundings(room, probe, few))
    after = room.files()
    report.add("written files", check_written(before, after))
    if before != after:
        room.restore()
    report.forecast = forecast(probe, chosen, context.task, context.images)
    report.add("time and memory", check_forecast(report.forecast))


def _leave_out_repeated(report: Report) -> None:
    """Leave out what was read of a use of the network, where running it says more."""
    places = {f.where for f in report.findings if f.code in _SEEN_RUNNING}
    report.findings = [
        f for f in report.findings if f.code not in _SEEN_UNREAD or f.where not in places
    ]


def _why_not_run(report: Report, subject: Subject) -> Skipped | None:
    """Return why nothing can be run, None where it can."""
    codes = sorted({finding.code for finding in report.findings} & _PREVENTS_RUNNING)
    if any(f.code == "python-syntax" and f.severity == "error" for f in report.findings):
        codes = codes or ["python-syntax"]
    if codes:
        return Skipped("", f"fix {', '.join(codes)} first", f"kit check {subject.submission.name}")
    if missing := missing_packages(subject):
        names = " ".join(missing)
        name = subject.submission.name
        way = f"pip install {names}; or kit run {name} --install, which runs without these checks"
        return Skipped("", f"not installed here: {names}", way)
    return None


def _skip_running(report: Report, why: Skipped) -> None:
    report.skipped += [Skipped(name, why.why, why.command) for name in (_RUNNING, _SCORING)]


def _check_scored(report: Report, context: Context, room: Laboratory) -> None:
    errors = {f.code for f in report.findings if f.severity == "error"} & _PREVENTS_SCORING
    if context.images is not None:
        # The forecast is for more images than the task has.
        errors.discard("time-limit")
    target, name = context.target, context.submission.name
    if target is None:
        command = f"kit check {name} --bundle BUNDLE"
        report.skipped.append(Skipped(_SCORING, context.problem, command))
    elif target.task.absent:
        why = f"task {target.task.name}: {'; '.join(map(str, target.task.absent))}"
        report.skipped.append(Skipped(_SCORING, why, f"kit check {name} --bundle BUNDLE"))
    elif target.task.reference_data is None or target.task.ingestion_program is None:
        why = "the task has no reference data or no ingestion program"
        report.skipped.append(Skipped(_SCORING, why, f"kit check {name} --bundle BUNDLE"))
    elif errors:
        why = f"fix {', '.join(sorted(errors))} first"
        report.skipped.append(Skipped(_SCORING, why, f"kit check {name}"))
    else:
        context.tell("running and scoring it as kit run does")
        report.add("scores", check_scores(room, target.bundle, target.task))
