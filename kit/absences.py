"""What a run needs and the bundle does not hold: hidden data, and what is on the platform already.

Published bundles lack hidden data as a rule, and an organiser may name data sets and tasks of the
platform by their key. Only what the chosen task and its steps need must be there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kit.competition_schema import TASK_FILES
from kit.errors import KitError
from kit.zips import is_plain

if TYPE_CHECKING:
    from kit.bundles import Bundle, Task

_WHOLE_TASK = "key"


@dataclass(frozen=True)
class Absent:
    """A field of a task whose file the bundle does not hold.

    Attributes:
        field: the key in competition.yaml; `key` where the whole task is on the platform.
        value: what stands there.
        on_platform: whether the value is a key of the platform, which only the platform can read.
    """

    field: str
    value: str
    on_platform: bool

    def __str__(self) -> str:
        if self.field == _WHOLE_TASK:
            return f"key: {self.value}: the whole task is on the platform; the kit cannot fetch it"
        if self.on_platform:
            found = "is a data set on the platform; the kit cannot fetch it"
            return f"{self.field}: {self.value}: {found}"
        return f"{self.field}: expected {self.value} in the bundle, found nothing there"


def absent_task(key: str) -> Absent:
    """Return the absence of a task that competition.yaml names by its key on the platform."""
    return Absent(_WHOLE_TASK, key, on_platform=True)


def needs(task: Task, has_command: bool) -> frozenset[str]:
    """Return the fields of a task that both steps read for this submission.

    Input data is read by an ingestion program or by the submission's own command. A submission of
    results under a task without ingestion needs none.

    Args:
        task: the chosen task.
        has_command: whether the submission's metadata names a command.
    """
    fields = {_WHOLE_TASK, "scoring_program", "reference_data", "ingestion_program"}
    ingests = task.ingestion_program or "ingestion_program" in {a.field for a in task.absent}
    if ingests or has_command:
        fields.add("input_data")
    return frozenset(fields)


def refuse_incomplete(bundle: Bundle, task: Task, has_command: bool) -> None:
    """Stop before a run that lacks something it needs, or whose data no worker can unpack.

    Raises:
        KitError: every such field of the task, and what to put there.
    """
    wanted = needs(task, has_command)
    lacking = [absent for absent in task.absent if absent.field in wanted]
    plain = {
        field: path for field in TASK_FILES if (path := getattr(task, field)) and is_plain(path)
    }
    if lacking or plain:
        raise KitError(
            f"task {task.name}: the bundle lacks what the run needs",
            [*map(str, lacking), *(_plain_problem(*item) for item in plain.items())],
            _remedy(bundle, {*(absent.field for absent in lacking), *plain}),
        )


def _plain_problem(field: str, path: Path) -> str:
    found = "is a plain file; workers unpack every one as a zip and stop with Bad or empty zip file"
    return f"{field}: {path.name}: {found}"


def _remedy(bundle: Bundle, fields: set[str]) -> str:
    if _WHOLE_TASK in fields:
        do = "put the task's programs and data into the bundle and name their folders or zips"
        do += " (scoring_program, reference_data ...) instead of the key"
    else:
        named = ", ".join(field for field in TASK_FILES if field in fields)
        do = f"put a folder or zip into the bundle and write its path as {named}"
    complete = [f"{task.index} ({task.name})" for task in bundle.tasks if not task.absent]
    if len(complete) < len(bundle.tasks) and complete:
        do += f"; or choose another task with --task: {', '.join(complete)}"
    return do


def absence_notes(bundle: Bundle, task: Task) -> Iterator[str]:
    """Name what the bundle lacks and this run does not need, one note for each task."""
    for other in bundle.tasks:
        if other.absent:
            found = "; ".join(map(str, other.absent))
            why = "this run does without it" if other is task else "needed to run that task only"
            yield f"task {other.name}: {found}; {why}"
