"""What one call of `kit compare` does: its cases, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kit import submissions
from kit.errors import KitError, UsageProblem
from kit.regression.cases import Case, Comparison, compare, opened_cases, run_case, update
from kit.regression.sources import Source, find_source
from kit.regression.store import Kept, read_stored
from kit.submissions import Submission
from kit.worker import OnTick

Tell = Callable[[str], OnTick]


@dataclass(frozen=True)
class Request:
    """What the user asked for; no name means every submission, no task every task of the bundle."""

    names: tuple[str, ...]
    bundle: Path | None = None
    task: str | None = None
    against: str | None = None
    predictions: str | None = None


@dataclass(frozen=True)
class Failure:
    """A case that could not be run or compared."""

    submission: str
    task: str
    error: KitError


@dataclass(frozen=True)
class Updated:
    """What was stored for a case: where, and what moved, a line each."""

    submission: str
    task: str
    path: Path
    moved: list[str]


@dataclass
class Outcome:
    """The results of all cases."""

    comparisons: list[Comparison] = field(default_factory=list)
    updated: list[Updated] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def compare_all(request: Request, tell: Tell, seen: Callable[[Comparison], None]) -> Outcome:
    """Compare each case with what is stored, or with what --against names.

    A case that fails is a result, so that the others are compared all the same.

    Args:
        request: what the user asked for.
        tell: is given the name of each case that is run, and gives what its progress is told.
        seen: is given each comparison as soon as it is there.

    Raises:
        UsageProblem: the options do not fit together.
    """
    given = [
        find_source(option, text) if text else None
        for option, text in (("--against", request.against), ("--predictions", request.predictions))
    ]
    against, predictions = given
    _refuse_several(request, [source for source in given if source and source.file])
    outcome = Outcome()

    def one(case: Case) -> None:
        name = case.submission.name
        stored = against.of_case(case) if against else read_stored(case.slot, name)
        new = predictions.of_case(case) if predictions else run_case(case, tell(str(case)))
        outcome.comparisons.append(compare(case, stored, new))
        seen(outcome.comparisons[-1])

    _each(request, outcome, one, [source for source in given if source])
    return outcome


def update_all(request: Request, tell: Tell, seen: Callable[[Updated], None]) -> Outcome:
    """Run each case, store what it gives, and say what moved.

    Raises:
        UsageProblem: the options do not fit together.
    """
    if request.against or request.predictions:
        raise UsageProblem("--update stores what a run gives: leave out --against, --predictions")
    outcome = Outcome()

    def one(case: Case) -> None:
        stored: Kept | None = None
        if case.slot.scores.is_file() and case.slot.predictions.is_file():
            stored = read_stored(case.slot, case.submission.name)
        moved = update(case, stored, run_case(case, tell(str(case))))
        outcome.updated.append(
            Updated(case.submission.name, case.task.name, case.slot.scores, moved)
        )
        seen(outcome.updated[-1])

    _each(request, outcome, one, [])
    return outcome


def _each(
    request: Request, outcome: Outcome, one: Callable[[Case], None], sources: list[Source]
) -> None:
    tasks = {source.task for source in sources if source.task}
    if len(tasks) > 1:
        raise UsageProblem("--against and --predictions name runs of different tasks")
    of_run = next(iter(tasks), None)
    for submission in _submissions(request.names):
        with (
            _noting(outcome, submission.name, request.task or ""),
            opened_cases(submission, request.bundle, request.task or of_run) as cases,
        ):
            _refuse_unclear(cases, sources)
            for case in cases:
                with _noting(outcome, submission.name, case.task.name):
                    one(case)


def _submissions(names: tuple[str, ...]) -> list[Submission]:
    return [submissions.find(name) for name in names] if names else submissions.discover()


def _refuse_several(request: Request, files: list[Source]) -> None:
    if files and len(request.names) != 1:
        raise UsageProblem(
            f"expected one submission to compare with a file or a run, found {len(request.names)}"
        )


def _refuse_unclear(cases: list[Case], sources: list[Source]) -> None:
    if len(cases) > 1 and any(source.file for source in sources):
        names = ", ".join(case.task.name for case in cases)
        raise UsageProblem(
            f"a file of predictions is of one task, the bundle has {len(cases)}: {names}",
            hint="name it with --task",
        )


@contextmanager
def _noting(outcome: Outcome, submission: str, task: str) -> Iterator[None]:
    try:
        yield
    except KitError as error:
        outcome.failures.append(Failure(submission, task, error))
