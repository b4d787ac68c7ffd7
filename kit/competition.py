"""The model of competition.yaml: read once, for running, checking and packing a bundle alike.

`SECTIONS` is the platform's schema as far as the kit needs it: which keys the unpacker reads and
which of them name a file. What a bundle ships, which files have to be there and which keys nobody
reads all follow from that table.

Source: codalab/codabench competitions/unpackers/{base_unpacker,v2}.py and the serializers.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Any

from kit.contract import COMPETITION_FILE, DEFAULT_TIME_LIMIT_S
from kit.errors import KitError
from kit.located_yaml import Document, Place, read_document


class FileKind(Enum):
    """What the platform does with a file that competition.yaml names."""

    IMAGE = auto()
    PAGE = auto()
    PROGRAM = auto()
    DATA = auto()


@dataclass(frozen=True)
class Section:
    """A list of mappings in competition.yaml, or its top level.

    `keys` are those that the platform reads, `files` those that name a file.
    """

    keys: frozenset[str]
    files: Mapping[str, FileKind] = field(default_factory=dict)


TOP = ""
SECTIONS: dict[str, Section] = {
    TOP: Section(
        frozenset((
            "version", "title", "image", "terms", "pages", "tasks", "solutions", "phases",
            "leaderboards", "fact_sheet", "registration_auto_approve", "docker_image",
            "make_programs_available", "make_input_data_available", "queue", "description",
            "enable_detailed_results", "show_detailed_results_in_submission_panel",
            "show_detailed_results_in_leaderboard", "auto_run_submissions",
            "can_participants_make_submissions_public", "competition_type", "reward",
            "contact_email", "forum_enabled",
        )),
        {"image": FileKind.IMAGE, "terms": FileKind.PAGE},
    ),
    "pages": Section(frozenset(("title", "file", "index")), {"file": FileKind.PAGE}),
    "tasks": Section(
        frozenset((
            "index", "key", "name", "description", "ingestion_only_during_scoring",
            "ingestion_program", "scoring_program", "input_data", "reference_data",
        )),
        {
            "ingestion_program": FileKind.PROGRAM, "scoring_program": FileKind.PROGRAM,
            "input_data": FileKind.DATA, "reference_data": FileKind.DATA,
        },
    ),
    "solutions": Section(
        frozenset(("index", "key", "name", "description", "tasks", "path")),
        {"path": FileKind.DATA},
    ),
    "phases": Section(
        frozenset((
            "index", "name", "description", "start", "end", "max_submissions_per_day",
            "max_submissions", "auto_migrate_to_this_phase", "hide_output",
            "hide_prediction_output", "hide_score_output", "tasks", "execution_time_limit",
            "public_data", "starting_kit",
        )),
        {"public_data": FileKind.DATA, "starting_kit": FileKind.DATA},
    ),
    "leaderboards": Section(frozenset((
        "title", "key", "hidden", "primary_index", "submission_rule", "columns", "index",
    ))),
}  # fmt: skip
COLUMN_KEYS = frozenset((
    "title", "key", "index", "sorting", "computation", "computation_indexes", "hidden", "precision",
))  # fmt: skip
TASK_FILES = tuple(SECTIONS["tasks"].files)


@dataclass(frozen=True)
class NamedFile:
    """A value of competition.yaml that names a file: where it stands, what it is for.

    `value` stands there in the YAML; it need not be a text.
    """

    place: Place
    kind: FileKind
    value: Any

    @property
    def is_dataset_key(self) -> bool:
        """Whether the value is the key of a data set that is on the platform already."""
        return self.kind in (FileKind.PROGRAM, FileKind.DATA) and is_platform_key(self.value)


@dataclass(frozen=True)
class Competition:
    """The file competition.yaml of a bundle.

    `root` is the folder of the unpacked bundle.
    """

    root: Path
    document: Document

    @property
    def content(self) -> dict[str, Any]:
        """The top level as plain data."""
        return self.document.content

    def line(self, *place: str | int) -> int | None:
        """Return the line of a value, or of the nearest thing around it that has one."""
        return self.document.line(*place)

    @property
    def version_problem(self) -> str:
        """What is wrong with the version, "" where it is 2: the platform compares the text."""
        version = self.content.get("version")
        text = str(self.content.get("version", "1"))
        if text == "2":
            return ""
        old = "the platform reads the file in the old format of version 1.5"
        outcome = old if text in ("1", "1.5") else "the platform refuses the file"
        return f"version: expected 2, found {version!r}; {outcome}"

    def entries(self, section: str) -> list[tuple[int, dict[str, Any]]]:
        """List (position, mapping) of the mappings in a section."""
        return _mappings(self.content.get(section))

    def phases(self) -> list[tuple[int, dict[str, Any]]]:
        """List (position, mapping) of the phases in the platform's order, by their index."""
        return sorted(self.entries("phases"), key=lambda item: _order(item[1]))

    def board(self) -> tuple[int, dict[str, Any]] | None:
        """Return the first leaderboard, which the platform attaches to all phases."""
        return next(iter(self.entries("leaderboards")), None)

    def files(self) -> Iterator[NamedFile]:
        """Every value that names a file, in the order of `SECTIONS`."""
        for section, schema in SECTIONS.items():
            entries = [(0, self.content)] if section == TOP else self.entries(section)
            for key, kind in schema.files.items():
                for number, entry in entries:
                    place = (key,) if section == TOP else (section, number, key)
                    if entry.get(key) is not None:
                        yield NamedFile(place, kind, entry[key])

    def is_reused(self, place: Place) -> bool:
        """Say whether a place is in a task or solution that the platform has, named by its key."""
        section = str(place[0])
        return section in ("tasks", "solutions") and (
            "key" in dict(self.entries(section))[int(place[1])]
        )

    def holds(self, value: object) -> bool:
        """Say whether a value names something that is inside the bundle."""
        if not isinstance(value, str) or not leads_inside(value):
            return False
        try:
            return (self.root / value).exists()
        except OSError:  # a name that is longer than the file system takes
            return False


def read_competition(root: Path) -> Competition:
    """Read competition.yaml of an unpacked bundle.

    Raises:
        KitError: competition.yaml is missing, or not a YAML mapping.
    """
    path = root / COMPETITION_FILE
    if not path.is_file():
        nested = sorted(root.glob(f"*/{COMPETITION_FILE}"))
        found = f"found {nested[0]}" if nested else "found nothing of that name"
        raise KitError(f"{path}: expected the bundle's description at its root, {found}")
    try:
        return Competition(root, read_document(path))
    except ValueError as error:
        raise KitError(f"{path}: {error}") from error


def leads_inside(value: str) -> bool:
    """Say whether a path of competition.yaml stays inside the bundle, there or not."""
    path = Path(value)
    return bool(value) and "\0" not in value and not path.is_absolute() and ".." not in path.parts


def is_platform_key(value: object) -> bool:
    """Say whether a value can be the key of something that is on the platform already, a UUID."""
    try:
        uuid.UUID(value)  # type: ignore[arg-type]
    except (ValueError, AttributeError, TypeError):
        return False
    return True


def task_index(entry: Mapping[str, Any]) -> int | str | None:
    """Return a task's index, which phases name; None where a phase could not name it."""
    index = entry.get("index")
    return index if isinstance(index, int | str) and not isinstance(index, bool) else None


def time_limit(phase: Mapping[str, Any]) -> int | None:
    """Return a phase's time limit in seconds; None where the value is no whole number."""
    value = phase.get("execution_time_limit")
    if value is None:
        return DEFAULT_TIME_LIMIT_S
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    return value if whole else None


def whole_number(value: Any) -> int | None:
    """Return a number as the server reads it, text of digits included; None where it is none."""
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def column_key(column: Mapping[str, Any]) -> str | None:
    """Return a column's key as the server keeps it, as text; None where it has none."""
    key = column.get("key")
    good = isinstance(key, str | int | float) and not isinstance(key, bool) and key != ""
    return str(key) if good else None


def columns_of(board: Mapping[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """List (position, mapping) of the columns of a leaderboard."""
    return _mappings(board.get("columns"))


def _mappings(value: Any) -> list[tuple[int, dict[str, Any]]]:
    items = value if isinstance(value, list) else []
    return [(number, item) for number, item in enumerate(items) if isinstance(item, dict)]


def _order(phase: Mapping[str, Any]) -> int:
    index = phase.get("index", 0)
    return index if isinstance(index, int) else 0
