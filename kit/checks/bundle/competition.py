"""competition.yaml against the platform's unpacker: keys, files, tasks, limits.

Source: codalab/codabench competitions/unpackers/{base_unpacker,v2}.py and serializers.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kit.checks.bundle.located_yaml import Document, Place
from kit.contract import COMPETITION_FILE
from kit.findings.finding import Finding

_REQUIRED = ("title", "image", "terms", "pages", "tasks", "phases")
_TASK_FILES = ("ingestion_program", "scoring_program", "input_data", "reference_data")
_LENGTHS = {"title": 256, "docker_image": 128}
_FACT_KEYS = {"key", "type", "title", "selection", "is_required", "is_on_leaderboard"}
# What the unpacker and the serializers read; everything else is silently ignored.
_TOP = frozenset((
    "version", "title", "image", "terms", "pages", "tasks", "solutions", "phases", "leaderboards",
    "fact_sheet", "registration_auto_approve", "docker_image", "make_programs_available",
    "make_input_data_available", "queue", "description", "enable_detailed_results",
    "show_detailed_results_in_submission_panel", "show_detailed_results_in_leaderboard",
    "auto_run_submissions", "can_participants_make_submissions_public", "competition_type",
    "reward", "contact_email", "forum_enabled",
))  # fmt: skip
_KNOWN = {
    "pages": frozenset(("title", "file", "index")),
    "tasks": frozenset(
        ("index", "key", "name", "description", "ingestion_only_during_scoring", *_TASK_FILES)
    ),
    "phases": frozenset((
        "index", "name", "description", "start", "end", "max_submissions_per_day",
        "max_submissions", "auto_migrate_to_this_phase", "hide_output", "hide_prediction_output",
        "hide_score_output", "tasks", "execution_time_limit", "public_data", "starting_kit",
    )),
    "leaderboards": frozenset(
        ("title", "key", "hidden", "primary_index", "submission_rule", "columns", "index")
    ),
}  # fmt: skip


def said(document: Document, code: str, found: str, *place: str | int) -> Finding:
    """A finding about a place of competition.yaml."""
    return Finding(code, COMPETITION_FILE, found, document.line(*place))


def check_keys(document: Document) -> Iterator[Finding]:
    """Version, required keys, duplicates, and keys that nobody reads."""
    content = document.content
    if content.get("version") not in (2, "2"):
        found = f"version: expected 2, found {content.get('version')!r}; read as version 1.5"
        yield said(document, "bundle-version", found, "version")
    for key in _REQUIRED:
        if not content.get(key):
            yield said(document, "required-missing", f"{key}: expected it, found nothing", key)
    if "leaderboards" not in content and "leaderboard" in content:
        found = "leaderboard: the platform reads `leaderboards`"
        yield said(document, "leaderboard-singular", found, "leaderboard")
    elif not content.get("leaderboards"):
        yield said(document, "required-missing", "leaderboards: expected it, found nothing")
    for section in _KNOWN:
        value = content.get(section) or []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            found = f"{section}: expected a list of mappings, found {str(value)[:60]}"
            yield said(document, "section-malformed", found, section)
    for place in document.duplicates:
        found = f"{_dotted(place)} is there twice; the last one counts"
        yield said(document, "key-duplicate", found, *place)
    for key in content:
        if key not in _TOP and key != "leaderboard":
            yield said(document, "key-unknown", f"{key}: the platform ignores it", str(key))
    for section, known in _KNOWN.items():
        for number, entry in document.entries(section):
            for key in [key for key in entry if key not in known]:
                found = f"{section}[{number}].{key}: the platform ignores it"
                yield said(document, "key-unknown", found, section, number, str(key))


def _dotted(place: Place) -> str:
    return ".".join(map(str, place))


def check_texts(document: Document) -> Iterator[Finding]:
    """Lengths, the image, the fact sheet."""
    content = document.content
    for key, most in _LENGTHS.items():
        yield from too_long(document, content.get(key), most, key)
    for number, phase in document.entries("phases"):
        yield from too_long(document, phase.get("name"), 256, "phases", number, "name")
    yield from _docker_image(document, content.get("docker_image"))
    facts = content.get("fact_sheet")
    for name, entry in facts.items() if isinstance(facts, dict) else ():
        keys = set(entry) if isinstance(entry, dict) else set()
        if keys != _FACT_KEYS:
            found = f"fact_sheet.{name}: keys {', '.join(sorted(map(str, keys))) or 'none'}"
            yield said(document, "fact-sheet", found, "fact_sheet", str(name))


def too_long(document: Document, value: Any, most: int, *place: str | int) -> Iterator[Finding]:
    """A text that the server's field does not take."""
    if isinstance(value, str) and len(value) > most:
        found = f"{_dotted(place)}: {len(value)} characters; at most {most} fit"
        yield said(document, "length-limit", found, *place)


def _docker_image(document: Document, image: Any) -> Iterator[Finding]:
    if not image:
        found = "docker_image: not named; the default codalab/codalab-legacy:py37 has Python 3.7"
        yield said(document, "docker-image-missing", found)
        return
    name = str(image).rsplit("/", 1)[-1]
    if "@sha256:" not in str(image) and (":" not in name or name.endswith(":latest")):
        found = f"docker_image: {image} can change from one day to the next"
        yield said(document, "docker-image-floating", found, "docker_image")


def check_named_files(document: Document, root: Path) -> Iterator[Finding]:
    """Image, terms, pages and data: there, not empty, and in a form that the platform takes."""
    content = document.content
    yield from _path(document, root, content.get("image"), "image")
    yield from _page(document, root, content.get("terms"), "terms")
    for number, page in document.entries("pages"):
        if not page.get("file"):
            found = f"pages[{number}]: expected a file"
            yield said(document, "path-missing", found, "pages", number)
        yield from _page(document, root, page.get("file"), "pages", number, "file")
    for number, task in document.entries("tasks"):
        if "key" not in task:
            for key in _TASK_FILES:
                yield from _data(document, root, task.get(key), "tasks", number, key)
    for number, phase in document.entries("phases"):
        for key in ("public_data", "starting_kit"):
            yield from _data(document, root, phase.get(key), "phases", number, key)


def _path(document: Document, root: Path, value: Any, *place: str | int) -> Iterator[Finding]:
    if value and not (isinstance(value, str) and inside(root, value)):
        yield said(document, "path-missing", f"{_dotted(place)}: {value} is not there", *place)


def inside(root: Path, value: str) -> bool:
    """Whether a path of competition.yaml names something inside the bundle."""
    if "\0" in value or ".." in Path(value).parts or Path(value).is_absolute():
        return False
    try:
        return (root / value).exists()
    except OSError:  # a name that is longer than the file system takes
        return False


def _page(document: Document, root: Path, value: Any, *place: str | int) -> Iterator[Finding]:
    yield from _path(document, root, value, *place)
    if isinstance(value, str) and value and inside(root, value):
        path = root / value
        if path.is_file() and not path.read_bytes().strip():
            yield said(document, "page-empty", f"{_dotted(place)}: {value} is empty", *place)


def _data(document: Document, root: Path, value: Any, *place: str | int) -> Iterator[Finding]:
    if value is None or (isinstance(value, str) and _is_uuid(value)):
        return
    if not isinstance(value, str) or not inside(root, value):
        yield said(document, "path-missing", f"{_dotted(place)}: {value} is not there", *place)
        return
    path = root / value
    if path.is_file() and path.suffix.lower() != ".zip":
        found = f"{_dotted(place)}: {value} is a plain file; workers unpack every one as a zip"
        yield said(document, "data-not-zip", found, *place)
    elif path.is_dir() and not any(item.is_file() for item in path.rglob("*")):
        yield said(document, "data-empty", f"{_dotted(place)}: {value} holds no file", *place)


def _is_uuid(value: str) -> bool:
    try:
        uuid.UUID(value)
    except ValueError:
        return False
    return True


def check_tasks(document: Document) -> Iterator[Finding]:
    """Every task has its own index and a scoring program."""
    indexes: list[Any] = []
    for number, task in document.entries("tasks"):
        name = task.get("name") or number
        if "index" not in task:
            yield said(document, "task-index", f"task {name}: no index", "tasks", number)
        elif task["index"] in indexes:
            found = f"task {name}: index {task['index']} is taken"
            yield said(document, "task-index", found, "tasks", number, "index")
        else:
            indexes.append(task["index"])
        if "key" not in task and not task.get("scoring_program"):
            found = f"task {name}: no scoring_program"
            yield said(document, "scoring-missing", found, "tasks", number)
