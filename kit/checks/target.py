"""What one check is about: the submission, the bundle and task, and for how many images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kit import bundles
from kit.bundles import Bundle, Task
from kit.checks.running.own_program import other_call
from kit.checks.submission.subject import Subject
from kit.contract import DEFAULT_TIME_LIMIT_S
from kit.contracts.reading import Contract
from kit.errors import KitError, UsageProblem
from kit.submissions import Submission, default_bundle, known_track, metadata_of

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
    def contract(self) -> Contract | None:
        """The task's contract, where the model is not asked for one image at a time."""
        return other_call(self.task)

    @property
    def limit_s(self) -> float:
        """The time limit of a step: the task's, else the platform's default."""
        return self.task.time_limit_s if self.task else DEFAULT_TIME_LIMIT_S

    @property
    def track(self) -> str | None:
        """The track that the metadata names, None where it names none that the kit knows."""
        return known_track(metadata_of(self.subject.root).get("track"))


class Target(NamedTuple):
    """What a submission runs against."""

    bundle: Bundle
    task: Task


@contextmanager
def opened_target(
    subject: Subject, bundle_path: Path | None, task_name: str | None
) -> Iterator[tuple[Target | None, str]]:
    """Give the bundle and task to run against, or None and why there are none."""
    with ExitStack() as stack:
        target, problem = None, ""
        try:
            path = bundle_path or _bundle_of_track(subject)
            bundle = stack.enter_context(bundles.opened(path))
            target = Target(bundle, bundle.task(task_name))
        except _NoBundle as error:
            problem = error.message
        except UsageProblem:
            raise
        except KitError as error:
            problem = "; ".join([error.message, *error.problems])
        yield target, problem


class _NoBundle(KitError):
    """The submission's track leads to no bundle, and the user named none."""


def _bundle_of_track(subject: Subject) -> Path:
    if subject.is_result:
        raise _NoBundle("a result submission names no track; --bundle says what reads its files")
    try:
        return default_bundle(subject.submission.name, metadata_of(subject.root).get("track"))
    except UsageProblem as error:
        raise _NoBundle(error.message) from error
