"""Competition bundles: a folder or zip with a Codabench v2 `competition.yaml`.

What running needs of the model in `kit.competition`: tasks, the phase that a task belongs to, and
the leaderboard's columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kit.absences import Absent, absent_task
from kit.competition import (
    OLD_FORMAT,
    OLD_FORMAT_HINT,
    Competition,
    as_index,
    leads_inside,
    read_competition,
    refuse_no_mappings,
    shown_value,
    task_index,
    time_limit,
)
from kit.competition_schema import TASK_FILES
from kit.contract import COMPETITION_FILE, DEFAULT_TIME_LIMIT_S
from kit.errors import KitError, UsageProblem
from kit.leaderboards import Column, read_columns
from kit.server_fields import flag_of, is_platform_key
from kit.zips import refuse_plain_file, unpack


@dataclass(frozen=True)
class Task:
    """One task: where its programs and data are (a folder, a zip or a plain file, or None).

    What competition.yaml names and the bundle does not hold is None too and listed in `absent`;
    `scoring_program`, which every task has, is then the place where it is expected.
    """

    index: int | str
    name: str
    scoring_program: Path
    ingestion_program: Path | None
    input_data: Path | None
    reference_data: Path | None
    late_ingestion: bool
    phase: str
    time_limit_s: int
    absent: tuple[Absent, ...] = ()


@dataclass(frozen=True)
class Bundle:
    """What `competition.yaml` says, with absolute paths.

    `root` is the unpacked folder, `path` the folder or zip that the user named.
    """

    root: Path
    path: Path
    title: str
    docker_image: str
    tasks: tuple[Task, ...]
    columns: tuple[Column, ...]
    primary_index: int

    def task(self, name_or_index: str | None) -> Task:
        """Return the task of that index or name (or unique beginning of it); the first by default.

        Raises:
            UsageProblem: there is no such task, or several.
        """
        if name_or_index is None:
            return self.tasks[0]
        wanted = name_or_index.casefold()
        for task in self.tasks:
            if wanted in (str(task.index), task.name.casefold()):
                return task
        begins = [task for task in self.tasks if task.name.casefold().startswith(wanted)]
        if wanted and len(begins) == 1:
            return begins[0]
        found = ", ".join(f"{task.index} ({task.name})" for task in self.tasks)
        raise UsageProblem(
            f"--task {name_or_index}: expected one of the bundle's tasks, which are {found}"
        )


@contextmanager
def opened(path: Path) -> Iterator[Bundle]:
    """Read the bundle at `path`; a zip is unpacked for the time of the block.

    Raises:
        UsageProblem: nothing is there.
        KitError: the zip or `competition.yaml` is wrong; every problem is named.
    """
    if path.is_dir():
        # Programs run in folders of their own, where a relative path would lead nowhere.
        yield read(path.absolute())
    elif path.is_file():
        refuse_plain_file(path, "a bundle (a folder or a zip)")
        with TemporaryDirectory(prefix="kit-bundle-") as folder:
            root = Path(folder, "bundle")
            unpack(path, root, must_hold=(COMPETITION_FILE,), made_by="kit bundle")
            yield replace(read(root), path=path.resolve())
    else:
        raise UsageProblem(f"{path}: expected a bundle (a folder or a zip), found nothing there")


def read(root: Path) -> Bundle:
    """Read `competition.yaml` of an unpacked bundle.

    A file of a task that is not there is no error: published bundles lack hidden data as a rule.

    Raises:
        KitError: competition.yaml is missing or malformed.
    """
    competition = read_competition(root)
    if competition.is_old_format:
        raise KitError(f"{root / COMPETITION_FILE}: {OLD_FORMAT}", hint=OLD_FORMAT_HINT)
    problems: list[str] = []
    if competition.version_problem:
        problems.append(competition.version_problem)
    phases = _phases_by_task(competition, problems)
    tasks = _tasks(competition, phases, problems)
    columns, primary_index = read_columns(competition, problems)
    if problems:
        raise KitError(
            f"{root / COMPETITION_FILE}: the bundle cannot be run", problems, "fix the file"
        )
    content = competition.content
    return Bundle(
        root=root,
        path=root.resolve(),
        title=str(content.get("title", root.name)),
        docker_image=str(content.get("docker_image") or "codalab/codalab-legacy:py37"),
        tasks=tuple(tasks),
        columns=tuple(sorted(columns, key=lambda column: column.index)),
        primary_index=primary_index,
    )


def _phases_by_task(
    competition: Competition, problems: list[str]
) -> dict[int | str, tuple[str, int]]:
    """Task index -> name and time limit of the first phase that holds it."""
    refuse_no_mappings("phases", competition.content.get("phases"), problems)
    found: dict[int | str, tuple[str, int]] = {}
    for number, phase in competition.phases():
        name = str(phase.get("name", number))
        limit = time_limit(phase)
        if limit is None:
            value = phase.get("execution_time_limit")
            problems.append(
                f"phase {name}: execution_time_limit: expected whole seconds, found {value!r}"
            )
        indexes = phase.get("tasks")
        if not isinstance(indexes, list) or not indexes:
            problems.append(f"phase {name}: tasks: expected a list, found {shown_value(indexes)}")
            continue
        for index in indexes:
            if (task := as_index(index)) is not None:
                found.setdefault(task, (name, limit or DEFAULT_TIME_LIMIT_S))
            else:
                problems.append(
                    f"phase {name}: tasks: expected indexes, found {shown_value(index)}"
                )
    return found


def _tasks(
    competition: Competition, phases: dict[int | str, tuple[str, int]], problems: list[str]
) -> list[Task]:
    refuse_no_mappings("tasks", competition.content.get("tasks"), problems)
    tasks: list[Task] = []
    for _, entry in competition.entries("tasks"):
        index = task_index(entry)
        if index is None:
            found = entry.get("index")
            problems.append(f"task {entry.get('name')}: index: expected a number, found {found!r}")
        elif index in [task.index for task in tasks]:
            problems.append(f"task index {index} is used more than once")
        elif task := _task(entry, index, competition, phases, problems):
            tasks.append(task)
    unknown = sorted(str(index) for index in phases if index not in [t.index for t in tasks])
    if unknown and not problems:
        problems.append(f"phases name tasks that are not there: {', '.join(unknown)}")
    return tasks


def _task(
    entry: dict[str, Any],
    index: int | str,
    competition: Competition,
    phases: dict[int | str, tuple[str, int]],
    problems: list[str],
) -> Task | None:
    name = str(entry.get("name") or index)
    paths: dict[str, Path] = {}
    absent: list[Absent] = []
    if "key" in entry:
        absent.append(absent_task(str(entry["key"])))
    elif entry.get("scoring_program") is None:
        problems.append(f"task {name}: scoring_program: expected a path, found nothing")
        return None
    for key in TASK_FILES if "key" not in entry else ():
        value = entry.get(key)
        if problem := _path_problem(value):
            problems.append(f"task {name}: {key}: {problem}")
        elif competition.holds(value):
            paths[key] = competition.root / str(value)
        elif value is not None:
            absent.append(Absent(key, value, is_platform_key(value)))
    phase, limit = phases.get(index, ("", DEFAULT_TIME_LIMIT_S))
    return Task(
        index=index,
        name=name,
        scoring_program=paths.get("scoring_program", competition.root / "scoring_program"),
        ingestion_program=paths.get("ingestion_program"),
        input_data=paths.get("input_data"),
        reference_data=paths.get("reference_data"),
        late_ingestion=bool(flag_of(entry.get("ingestion_only_during_scoring"))),
        phase=phase,
        time_limit_s=limit,
        absent=tuple(absent),
    )


def _path_problem(value: Any) -> str:
    """Say why a value cannot be a path inside a bundle, "" where it can or where none is given."""
    if value is None:
        return ""
    if not isinstance(value, str) or not value or "\0" in value:
        return f"expected a path, found {shown_value(value)}"
    return "" if leads_inside(value) else f"expected a path inside the bundle, found {value}"
