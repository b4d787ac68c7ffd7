"""What a submission is checked against: a bundle that is named, or that of its track."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from kit import bundles
from kit.bundles import Bundle, Task
from kit.checks.submission.subject import Subject
from kit.errors import KitError, UsageProblem
from kit.submissions import default_bundle, metadata_of


class Target(NamedTuple):
    """What a submission runs against."""

    bundle: Bundle
    task: Task


class _NoBundle(KitError):
    """The submission's track leads to no bundle, and the user named none."""


@contextmanager
def opened_target(
    subject: Subject, bundle_path: Path | None, task_name: str | None
) -> Iterator[tuple[Target | None, str]]:
    """Give the bundle and task to run against, or None and why there are none.

    Raises:
        UsageProblem: the bundle or task that was named is not there.
    """
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


def _bundle_of_track(subject: Subject) -> Path:
    if subject.is_result:
        raise _NoBundle("a result submission names no track; --bundle says what reads its files")
    try:
        return default_bundle(subject.submission.name, metadata_of(subject.root).get("track"))
    except UsageProblem as error:
        raise _NoBundle(error.message) from error
