"""competition.yaml against the platform's unpacker: keys, files, tasks, limits.

Source: codalab/codabench competitions/unpackers/{base_unpacker,v2}.py and serializers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kit.competition import SECTIONS, TOP, Competition, FileKind, NamedFile, task_index
from kit.contract import COMPETITION_FILE
from kit.findings.finding import Finding
from kit.located_yaml import Place
from kit.trees import Kind, walk

_REQUIRED = ("title", "image", "terms", "pages", "tasks", "phases")
_LENGTHS = {"title": 256, "docker_image": 128}
_LISTS = tuple(section for section in SECTIONS if section != TOP)
_FACT_KEYS = {"key", "type", "title", "selection", "is_required", "is_on_leaderboard"}


def finding_at(competition: Competition, code: str, found: str, *place: str | int) -> Finding:
    """Make a finding about a place of competition.yaml."""
    return Finding(code, COMPETITION_FILE, found, competition.line(*place))


def check_keys(competition: Competition) -> Iterator[Finding]:
    """Version, required keys, duplicates, and keys that nobody reads."""
    content = competition.content
    if found := competition.version_problem:
        yield finding_at(competition, "bundle-version", found, "version")
    for key in _REQUIRED:
        if not content.get(key):
            yield finding_at(
                competition, "required-missing", f"{key}: expected it, found nothing", key
            )
    if "leaderboards" not in content and "leaderboard" in content:
        found = "leaderboard: the platform reads `leaderboards`"
        yield finding_at(competition, "leaderboard-singular", found, "leaderboard")
    elif not content.get("leaderboards"):
        yield finding_at(
            competition, "required-missing", "leaderboards: expected it, found nothing"
        )
    for section in _LISTS:
        value = content.get(section) or []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            found = f"{section}: expected a list of mappings, found {str(value)[:60]}"
            yield finding_at(competition, "section-malformed", found, section)
    for place in competition.document.duplicates:
        found = f"{_dotted(place)} is there twice; the last one counts"
        yield finding_at(competition, "key-duplicate", found, *place)
    for key in content:
        if key not in SECTIONS[TOP].keys and key != "leaderboard":
            yield finding_at(
                competition, "key-unknown", f"{key}: the platform ignores it", str(key)
            )
    for section in _LISTS:
        for number, entry in competition.entries(section):
            for key in [key for key in entry if key not in SECTIONS[section].keys]:
                found = f"{section}[{number}].{key}: the platform ignores it"
                yield finding_at(competition, "key-unknown", found, section, number, str(key))


def _dotted(place: Place) -> str:
    return ".".join(map(str, place))


def check_texts(competition: Competition) -> Iterator[Finding]:
    """Lengths, the image, the fact sheet."""
    content = competition.content
    for key, most in _LENGTHS.items():
        yield from too_long(competition, content.get(key), most, key)
    for number, phase in competition.entries("phases"):
        yield from too_long(competition, phase.get("name"), 256, "phases", number, "name")
    yield from _docker_image(competition, content.get("docker_image"))
    facts = content.get("fact_sheet")
    for name, entry in facts.items() if isinstance(facts, dict) else ():
        keys = set(entry) if isinstance(entry, dict) else set()
        if keys != _FACT_KEYS:
            found = f"fact_sheet.{name}: keys {', '.join(sorted(map(str, keys))) or 'none'}"
            yield finding_at(competition, "fact-sheet", found, "fact_sheet", str(name))


def too_long(
    competition: Competition, value: Any, most: int, *place: str | int
) -> Iterator[Finding]:
    """A text that the server's field does not take."""
    if isinstance(value, str) and len(value) > most:
        found = f"{_dotted(place)}: {len(value)} characters; at most {most} fit"
        yield finding_at(competition, "length-limit", found, *place)


def _docker_image(competition: Competition, image: Any) -> Iterator[Finding]:
    if not image:
        found = "docker_image: not named; the default codalab/codalab-legacy:py37 has Python 3.7"
        yield finding_at(competition, "docker-image-missing", found)
        return
    name = str(image).rsplit("/", 1)[-1]
    if "@sha256:" not in str(image) and (":" not in name or name.endswith(":latest")):
        found = f"docker_image: {image} can change from one day to the next"
        yield finding_at(competition, "docker-image-floating", found, "docker_image")


def check_named_files(competition: Competition) -> Iterator[Finding]:
    """Image, terms, pages and data: there, not empty, and in a form that the platform takes."""
    for number, page in competition.entries("pages"):
        if not page.get("file"):
            found = f"pages[{number}]: expected a file"
            yield finding_at(competition, "path-missing", found, "pages", number)
    for file in competition.files():
        if file.kind in (FileKind.PROGRAM, FileKind.DATA):
            yield from _data(competition, file)
        elif file.value:  # check_keys reports an empty one
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
    if not competition.holds(file.value):
        yield _missing(competition, file)
        return
    path = competition.root / file.value
    if file.kind is FileKind.PAGE and path.is_file() and not path.read_bytes().strip():
        found = f"{_dotted(file.place)}: {file.value} is empty"
        yield finding_at(competition, "page-empty", found, *file.place)


def _data(competition: Competition, file: NamedFile) -> Iterator[Finding]:
    if file.is_dataset_key or competition.is_reused(file.place):
        return
    if not competition.holds(file.value):
        yield _missing(competition, file)
        return
    path = competition.root / file.value
    name = f"{_dotted(file.place)}: {file.value}"
    if path.is_file() and path.suffix.lower() != ".zip":
        found = f"{name} is a plain file; workers unpack every one as a zip"
        yield finding_at(competition, "data-not-zip", found, *file.place)
    elif path.is_dir() and next(walk(path), None) is None:
        yield finding_at(competition, "data-empty", f"{name} holds no file", *file.place)


def check_tasks(competition: Competition) -> Iterator[Finding]:
    """Every task has its own index and a scoring program."""
    indexes: list[int | str] = []
    for number, task in competition.entries("tasks"):
        name = task.get("name") or number
        index = task_index(task)
        if "index" not in task:
            yield finding_at(competition, "task-index", f"task {name}: no index", "tasks", number)
        elif index is None:
            found = f"task {name}: index: expected a number, found {task['index']!r}"
            yield finding_at(competition, "task-index", found, "tasks", number, "index")
        elif index in indexes:
            found = f"task {name}: index {index} is taken"
            yield finding_at(competition, "task-index", found, "tasks", number, "index")
        else:
            indexes.append(index)
        if "key" not in task and not task.get("scoring_program"):
            found = f"task {name}: no scoring_program"
            yield finding_at(competition, "scoring-missing", found, "tasks", number)
