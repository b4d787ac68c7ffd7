"""competition.yaml against the platform's unpacker: keys, files, tasks, limits.

Source: codalab/codabench competitions/unpackers/{base_unpacker,v2}.py and serializers.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path, PurePath
from typing import Any

from kit.checks.bundle.logo import logo_problem
from kit.competition import Competition, NamedFile, columns_of, task_index
from kit.competition_schema import COLUMNS, SECTIONS, TOP, Section
from kit.contract import COMPETITION_FILE
from kit.findings.finding import Finding
from kit.located_yaml import Place
from kit.server_fields import ABSENT, Field, FileKind, Reason, Refusal, refusal
from kit.trees import Kind, walk
from kit.zips import is_plain

_LISTS = tuple(section for section in SECTIONS if section != TOP)
_FACT_KEYS = {"key", "type", "title", "selection", "is_required", "is_on_leaderboard"}
_FACT_TYPES = ("checkbox", "text", "select")


def finding_at(competition: Competition, code: str, found: str, *place: str | int) -> Finding:
    """Make a finding about a place of competition.yaml."""
    return Finding(code, COMPETITION_FILE, found, competition.line(*place))


def check_keys(competition: Competition) -> Iterator[Finding]:
    """Version, duplicates, and keys that nobody reads."""
    content = competition.content
    if found := competition.version_problem:
        yield finding_at(competition, "bundle-version", found, "version")
    if "leaderboards" not in content and "leaderboard" in content:
        found = "leaderboard: the platform reads `leaderboards`"
        yield finding_at(competition, "leaderboard-singular", found, "leaderboard")
    for place in competition.document.duplicates:
        found = f"{_dotted(place)} is there twice; the last one counts"
        yield finding_at(competition, "key-duplicate", found, *place)
    for place, entry, section in _entries(competition):
        for key in [key for key in entry if key not in section.keys]:
            if place or key != "leaderboard":
                found = f"{_dotted((*place, str(key)))}: the platform ignores it"
                yield finding_at(competition, "key-unknown", found, *place, str(key))


def check_fields(competition: Competition) -> Iterator[Finding]:
    """Every value against the field of the server that takes it."""
    for place, entry, section in _entries(competition):
        for key, field in section.read_of(entry).items():
            if not place and key == "leaderboards" and key not in entry and "leaderboard" in entry:
                continue  # check_keys says how it is spelled
            if refused := refusal(field, entry.get(key, ABSENT)):
                found = f"{_dotted((*place, key))}: {refused.text}"
                yield finding_at(competition, _code(field, refused), found, *place, key)


def _entries(competition: Competition) -> Iterator[tuple[Place, dict[str, Any], Section]]:
    """Every mapping whose keys the schema knows, with its place."""
    yield (), competition.content, SECTIONS[TOP]
    for name in _LISTS:
        for number, entry in competition.entries(name):
            yield (name, number), entry, SECTIONS[name]
    for number, board in competition.entries("leaderboards"):
        for position, column in columns_of(board):
            yield ("leaderboards", number, "columns", position), column, COLUMNS


def _code(field: Field, refused: Refusal) -> str:
    if refused.reason is Reason.TOO_LONG:
        return "length-limit"
    return field.missing if field.needed and refused.reason is Reason.ABSENT else field.code


def _dotted(place: Place) -> str:
    return ".".join(map(str, place))


def check_texts(competition: Competition) -> Iterator[Finding]:
    """The image and the fact sheet."""
    yield from _docker_image(competition)
    facts = competition.content.get("fact_sheet")
    if facts and not isinstance(facts, dict):
        found = f"fact_sheet: expected a mapping of questions, found {type(facts).__name__}"
        yield finding_at(competition, "fact-sheet", found, "fact_sheet")
    for name, entry in facts.items() if isinstance(facts, dict) else ():
        for found in _wrong_question(name, entry):
            yield finding_at(competition, "fact-sheet", found, "fact_sheet", str(name))


def _wrong_question(name: Any, entry: Any) -> Iterator[str]:
    keys = set(entry) if isinstance(entry, dict) else set()
    if keys != _FACT_KEYS:
        yield f"fact_sheet.{name}: keys {', '.join(sorted(map(str, keys))) or 'none'}"
        return
    if entry["key"] != name:
        yield f"fact_sheet.{name}.key: expected {name!r} again, found {entry['key']!r}"
    if entry["type"] not in _FACT_TYPES:
        expected = ", ".join(_FACT_TYPES)
        yield f"fact_sheet.{name}.type: expected one of {expected}, found {entry['type']!r}"
    if any(isinstance(value, date) for value in entry.values()):
        yield f"fact_sheet.{name}: holds a date, which JSON has no form for; put it in quotes"


def _docker_image(competition: Competition) -> Iterator[Finding]:
    image = competition.content.get("docker_image", ABSENT)
    if image is ABSENT:
        found = "docker_image: not named; the default codalab/codalab-legacy:py37 has Python 3.7"
        yield finding_at(competition, "docker-image-missing", found)
        return
    if not image:
        return  # check_fields reports it
    name = str(image).rsplit("/", 1)[-1]
    if "@sha256:" not in str(image) and (":" not in name or name.endswith(":latest")):
        found = f"docker_image: {image} can change from one day to the next"
        yield finding_at(competition, "docker-image-floating", found, "docker_image")


def check_named_files(competition: Competition) -> Iterator[Finding]:
    """Image, terms, pages and data: there, not empty, and in a form that the platform takes."""
    for file in competition.files():
        if file.kind in (FileKind.PROGRAM, FileKind.DATA, FileKind.DOWNLOAD):
            yield from _data(competition, file)
        else:
            yield from _page(competition, file)


def _missing(competition: Competition, file: NamedFile) -> Finding:
    found = f"{_dotted(file.place)}: {file.value or 'an empty name'} is not there"
    return finding_at(competition, "path-missing", found, *file.place)


def check_special_files(competition: Competition) -> Iterator[Finding]:
    """What a zip cannot hold, and what cannot be read, in or at the named paths."""
    named = [file.value for file in competition.files() if competition.holds(file.value)]
    for value in dict.fromkeys(named):
        path = competition.root / value
        for item in walk(path):
            where = f"{value.rstrip('/')}/{item.name}" if path.is_dir() else value
            if item.kind in (Kind.UNREADABLE, Kind.GONE):
                yield Finding("file-unreadable", where, item.kind.value)
            elif item.kind is Kind.NAME:
                yield Finding("name-not-utf-8", where, "its name is not UTF-8")
            elif item.kind is not Kind.FILE:
                yield Finding("special-file", where, f"is {item.kind.value}, no regular file")


def _page(competition: Competition, file: NamedFile) -> Iterator[Finding]:
    """An image, page or terms: a file, and a page one of text."""
    if not competition.holds(file.value):
        yield _missing(competition, file)
        return
    path, name = competition.root / file.value, f"{_dotted(file.place)}: {file.value}"
    if not path.is_file():
        found = f"{name} is no file; expected one"
        yield finding_at(competition, "path-missing", found, *file.place)
    elif file.kind is FileKind.IMAGE:
        if (problem := logo_problem(path)) is not None:
            yield finding_at(competition, problem[0], f"{name} {problem[1]}", *file.place)
    elif (problem := _page_problem(path)) is not None:
        yield finding_at(competition, problem[0], f"{name} {problem[1]}", *file.place)


def _page_problem(path: Path) -> tuple[str, str] | None:
    """Return the code and the words for a page that the server cannot take."""
    content = path.read_bytes()
    if not content:
        return "page-empty", "is empty"
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return "page-encoding", f"is not UTF-8: byte 0x{content[error.start]:02x} at {error.start}"
    if "\0" in text:
        return "page-encoding", f"holds a null character, at {text.index(chr(0))}"
    return None


def _data(competition: Competition, file: NamedFile) -> Iterator[Finding]:
    if file.is_dataset_key or competition.is_reused(file.place):
        return
    if isinstance(file.value, str) and not file.value.strip("./"):
        found = (
            f"{_dotted(file.place)}: {file.value!r} names the whole bundle, which would be the data"
        )
        yield finding_at(competition, "path-missing", found, *file.place)
        return
    if not competition.holds(file.value):
        yield _missing(competition, file)
        return
    path = competition.root / file.value
    name = f"{_dotted(file.place)}: {file.value}"
    if file.kind is not FileKind.DOWNLOAD and is_plain(path):
        found = f"{name} is no zip; workers unpack every one as a zip"
        yield finding_at(competition, "data-not-zip", found, *file.place)
    elif path.is_dir() and all(PurePath(item.name).name.startswith(".") for item in walk(path)):
        found = f"{name} holds no file, or dot files only"
        yield finding_at(competition, "data-empty", found, *file.place)


def check_tasks(competition: Competition) -> Iterator[Finding]:
    """Every task has its own index, and solutions name tasks that are there."""
    known: list[int | str] = []
    for number, task in competition.entries("tasks"):
        index, place = task_index(task), ("tasks", number, "index")
        name = f"task {task.get('name') or number}"
        if index is None:
            if "index" in task:
                found = f"{name}: index: expected a number, found {task['index']!r}"
                yield finding_at(competition, "task-index", found, *place)
        elif index in known:
            yield finding_at(competition, "task-index", f"{name}: index {index} is taken", *place)
        else:
            known.append(index)
    for number, solution in competition.entries("solutions"):
        named = solution.get("tasks")
        if named is None:
            continue  # check_fields reports it
        if not isinstance(named, list) or any(index not in known for index in named):
            found = f"solutions.{number}.tasks: expected a list of {known}, found {named!r}"
            yield finding_at(competition, "solution-tasks", found, "solutions", number, "tasks")
