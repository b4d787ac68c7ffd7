"""The model of competition.yaml: read once, for running, checking and packing a bundle alike.

The keys and the values that the platform takes are in `kit.competition_schema`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.competition_schema import SECTIONS, TOP
from kit.contract import COMPETITION_FILE, DEFAULT_TIME_LIMIT_S
from kit.errors import KitError
from kit.located_yaml import Document, Place, read_document
from kit.server_fields import LARGEST, FileKind, is_platform_key, text_of, whole_number

_OLD_VERSIONS = ("1", "1.5")
OLD_FORMAT = (
    "a bundle in the format of CodaLab 1.5: Codabench converts it at the upload, and the kit reads "
    "version 2 only"
)
OLD_FORMAT_HINT = "upload it as it is, then run and check the bundle that Codabench exports"


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
        in_data = self.kind not in (FileKind.IMAGE, FileKind.PAGE)
        return in_data and is_platform_key(self.value)


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
    def is_old_format(self) -> bool:
        """Whether this is a bundle of CodaLab 1.5, which the platform converts at the upload."""
        return self._version in _OLD_VERSIONS and not {"tasks", "leaderboards"} & set(self.content)

    @property
    def version_problem(self) -> str:
        """What is wrong with the version, "" where it is 2: the platform compares the text."""
        if self._version == "2":
            return ""
        old = "the platform reads the file in the old format of CodaLab 1.5"
        outcome = old if self._version in _OLD_VERSIONS else "the platform refuses the file"
        return f"version: expected 2, found {self.content.get('version')!r}; {outcome}"

    @property
    def _version(self) -> str:
        return str(self.content.get("version", "1"))

    def entries(self, section: str) -> list[tuple[int, dict[str, Any]]]:
        """List (position, mapping) of the mappings in a section."""
        return _mappings(self.content.get(section))

    def phases(self) -> list[tuple[int, dict[str, Any]]]:
        """List (position, mapping) of the phases in the platform's order, by their index."""
        phases = self.entries("phases")
        try:
            return sorted(phases, key=lambda item: item[1].get("index", 0))
        except TypeError:  # numbers among texts; `kit check` says that the platform refuses them
            return phases

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


def task_index(entry: Mapping[str, Any]) -> int | str | None:
    """Return a task's index, which phases name; None where a phase could not name it."""
    return as_index(entry.get("index"))


def as_index(value: Any) -> int | str | None:
    """Return the index of a task as it stands in a task or a phase; None where it is none."""
    if isinstance(value, float) and value.is_integer():
        return int(value)  # the platform finds 1 under 1.0
    return value if isinstance(value, int | str) else None


def time_limit(phase: Mapping[str, Any]) -> int | None:
    """Return a phase's time limit in seconds; None where the value is no whole number."""
    value = phase.get("execution_time_limit")
    if not value:
        return DEFAULT_TIME_LIMIT_S
    seconds = whole_number(value)
    return seconds if seconds is not None and 1 <= seconds <= LARGEST else None


def column_key(column: Mapping[str, Any]) -> str | None:
    """Return a column's key as the server keeps it, as text; None where it has none."""
    return text_of(column.get("key")) or None


def columns_of(board: Mapping[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """List (position, mapping) of the columns of a leaderboard."""
    return _mappings(board.get("columns"))


def _mappings(value: Any) -> list[tuple[int, dict[str, Any]]]:
    items = value if isinstance(value, list) else []
    return [(number, item) for number, item in enumerate(items) if isinstance(item, dict)]


def refuse_no_mappings(key: str, value: Any, problems: list[str]) -> None:
    """Name what is wrong with a value that should be a list of at least one mapping."""
    if not isinstance(value, list) or not value:
        problems.append(
            f"{key}: expected a list with at least one entry, found {shown_value(value)}"
        )
    elif not all(isinstance(item, dict) for item in value):
        problems.append(f"{key}: expected every entry to be a mapping, found {shown_value(value)}")


def shown_value(value: Any) -> str:
    """Return a value for a message, shortened."""
    text = "nothing" if value is None else repr(value)
    return text if len(text) < 80 else text[:77] + "..."
