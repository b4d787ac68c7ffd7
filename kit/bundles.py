"""Competition bundles: a folder or zip with a Codabench v2 `competition.yaml`.

Only what running needs is read here, as the platform's unpacker reads it (unpackers/v2.py):
tasks, the phase that a task belongs to, and the leaderboard's columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kit.contract import COMPETITION_FILE, DEFAULT_PRECISION, DEFAULT_TIME_LIMIT_S
from kit.errors import KitError, UsageProblem
from kit.yaml_text import parse_yaml
from kit.zips import unpack

_TASK_FILES = ("ingestion_program", "scoring_program", "input_data", "reference_data")


@dataclass(frozen=True)
class Column:
    """One column of the leaderboard. `computed_from` holds indexes of other columns."""

    key: str
    title: str
    index: int
    sorting: str
    precision: int
    hidden: bool
    computation: str | None
    computed_from: tuple[int, ...]


@dataclass(frozen=True)
class Task:
    """One task: where its programs and data are (a folder, a zip or a plain file, or None)."""

    index: int
    name: str
    scoring_program: Path
    ingestion_program: Path | None
    input_data: Path | None
    reference_data: Path | None
    late_ingestion: bool
    phase: str
    time_limit_s: int


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
        """The task of that index or name (or unique beginning of it); the first by default.

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
        yield read(path)
    elif path.is_file():
        with TemporaryDirectory(prefix="kit-bundle-") as folder:
            root = Path(folder, "bundle")
            unpack(path, root, must_hold=(COMPETITION_FILE,))
            yield replace(read(root), path=path.resolve())
    else:
        raise UsageProblem(f"{path}: expected a bundle (a folder or a zip), found nothing there")


def read(root: Path) -> Bundle:
    """Read `competition.yaml` of an unpacked bundle.

    Raises:
        KitError: it is missing, malformed, or names files that are not there.
    """
    content = _load_yaml(root)
    problems: list[str] = []
    if content.get("version") != 2:
        problems.append(
            f"version: expected 2, found {content.get('version')!r}; without it the platform "
            "reads the file as version 1.5 and refuses it"
        )
    phases = _phases_by_task(content, problems)
    tasks = _tasks(content, root, phases, problems)
    columns, primary_index = _columns(content, problems)
    if problems:
        raise KitError(
            f"{root / COMPETITION_FILE}: the bundle cannot be run", problems, "mend the file"
        )
    return Bundle(
        root=root,
        path=root.resolve(),
        title=str(content.get("title", root.name)),
        docker_image=str(content.get("docker_image") or "codalab/codalab-legacy:py37"),
        tasks=tuple(tasks),
        columns=tuple(sorted(columns, key=lambda column: column.index)),
        primary_index=primary_index,
    )


def _load_yaml(root: Path) -> dict[str, Any]:
    path = root / COMPETITION_FILE
    if not path.is_file():
        nested = sorted(root.glob(f"*/{COMPETITION_FILE}"))
        found = f"found {nested[0]}" if nested else "found nothing of that name"
        raise KitError(f"{path}: expected the bundle's description at its root, {found}")
    try:
        content = parse_yaml(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise KitError(f"{path}: does not read as YAML: {error}") from error
    if not isinstance(content, dict):
        raise KitError(
            f"{path}: expected a mapping with version, tasks, phases and leaderboards, found "
            f"{type(content).__name__}"
        )
    return content


def _mappings(content: dict[str, Any], key: str, problems: list[str]) -> list[dict[str, Any]]:
    """The list of mappings under `key`; anything else there is a problem."""
    value = content.get(key)
    if not isinstance(value, list) or not value:
        problems.append(f"{key}: expected a list with at least one entry, found {_shown(value)}")
        return []
    good = [item for item in value if isinstance(item, dict)]
    if len(good) < len(value):
        problems.append(f"{key}: expected every entry to be a mapping, found {_shown(value)}")
    return good


def _shown(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) < 80 else text[:77] + "..."


def _phases_by_task(content: dict[str, Any], problems: list[str]) -> dict[Any, tuple[str, int]]:
    """Task index -> name and time limit of the first phase that holds it."""
    found: dict[Any, tuple[str, int]] = {}
    for number, phase in enumerate(_mappings(content, "phases", problems)):
        name = str(phase.get("name", number))
        limit = phase.get("execution_time_limit") or DEFAULT_TIME_LIMIT_S
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
            problems.append(
                f"phase {name}: execution_time_limit: expected whole seconds, found {limit!r}"
            )
            limit = DEFAULT_TIME_LIMIT_S
        indexes = phase.get("tasks")
        if not isinstance(indexes, list) or not indexes:
            problems.append(f"phase {name}: tasks: expected a list, found {_shown(indexes)}")
            continue
        for index in indexes:
            if isinstance(index, int | str):
                found.setdefault(index, (name, limit))
    return found


def _tasks(
    content: dict[str, Any],
    root: Path,
    phases: dict[Any, tuple[str, int]],
    problems: list[str],
) -> list[Task]:
    tasks: list[Task] = []
    for entry in _mappings(content, "tasks", problems):
        index = entry.get("index")
        if not isinstance(index, int) or isinstance(index, bool):
            problems.append(f"task {entry.get('name')}: index: expected a number, found {index!r}")
            continue
        if index in [task.index for task in tasks]:
            problems.append(f"task index {index} is used more than once")
            continue
        task = _task(entry, index, root, phases, problems)
        if task:
            tasks.append(task)
    unknown = sorted(str(index) for index in phases if index not in [t.index for t in tasks])
    if unknown and not problems:
        problems.append(f"phases name tasks that are not there: {', '.join(unknown)}")
    return tasks


def _task(
    entry: dict[str, Any],
    index: int,
    root: Path,
    phases: dict[Any, tuple[str, int]],
    problems: list[str],
) -> Task | None:
    name = str(entry.get("name") or index)
    paths: dict[str, Path | None] = {}
    for key in _TASK_FILES:
        paths[key] = _task_file(entry, key, name, root, problems)
    scoring = paths["scoring_program"]
    if scoring is None:
        if "scoring_program" not in entry:
            problems.append(f"task {name}: scoring_program: expected a path, found nothing")
        return None
    phase, limit = phases.get(index, ("", DEFAULT_TIME_LIMIT_S))
    return Task(
        index=index,
        name=name,
        scoring_program=scoring,
        ingestion_program=paths["ingestion_program"],
        input_data=paths["input_data"],
        reference_data=paths["reference_data"],
        late_ingestion=bool(entry.get("ingestion_only_during_scoring", False)),
        phase=phase,
        time_limit_s=limit,
    )


def _task_file(
    entry: dict[str, Any], key: str, task: str, root: Path, problems: list[str]
) -> Path | None:
    value = entry.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not value or "\0" in value:
        problems.append(f"task {task}: {key}: expected a path, found {_shown(value)}")
        return None
    path = root / value
    inside = path.absolute().is_relative_to(root.absolute()) and ".." not in path.parts
    if not inside:
        problems.append(f"task {task}: {key}: expected a path inside the bundle, found {value}")
    elif not path.exists():
        problems.append(f"task {task}: {key}: expected {path}, found nothing there")
    return path


def _columns(content: dict[str, Any], problems: list[str]) -> tuple[list[Column], int]:
    """The first leaderboard's columns (the platform attaches that one to all phases)."""
    boards = _mappings(content, "leaderboards", problems)
    if not boards:
        return [], 0
    entries = _mappings(boards[0], "columns", problems)
    columns = [column for entry in entries if (column := _column(entry, problems))]
    for what, values in (
        ("index", [column.index for column in columns]),
        ("key", [column.key for column in columns]),
    ):
        if len(set(values)) < len(values):
            problems.append(f"leaderboard: every column needs its own {what}, found {values}")
    primary = boards[0].get("primary_index", 0)
    if columns and primary not in [column.index for column in columns]:
        problems.append(f"leaderboard: no column has the primary index {primary!r}")
    return columns, primary if isinstance(primary, int) else 0


def _column(entry: dict[str, Any], problems: list[str]) -> Column | None:
    key, index = entry.get("key"), entry.get("index")
    if not isinstance(key, str) or not isinstance(index, int):
        problems.append(f"leaderboard column: expected key and index, found {_shown(entry)}")
        return None
    computed = entry.get("computation_indexes") or ()
    if isinstance(computed, str):
        computed = [part for part in computed.replace(",", " ").split() if part.isdigit()]
    if not isinstance(computed, list | tuple):
        computed = ()
    precision = entry.get("precision", DEFAULT_PRECISION)
    return Column(
        key=key,
        title=str(entry.get("title") or key),
        index=index,
        sorting=str(entry.get("sorting") or "desc"),
        precision=precision if isinstance(precision, int) else DEFAULT_PRECISION,
        hidden=bool(entry.get("hidden", False)),
        computation=entry.get("computation") or None,
        computed_from=tuple(int(item) for item in computed if str(item).isdigit()),
    )
