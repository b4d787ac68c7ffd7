"""Read the lists of a COCO document: entries by id, categories, and what is wrong with them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Container, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from training.common.errors import DataError

PARTS = ("images", "annotations", "categories")
Entry = Mapping[str, Any]


def refuse(table: Path, problems: Sequence[str], done: str) -> None:
    """Raise DataError where there are problems; `done` says what was not done, as in "read"."""
    if problems:
        head = f"{table}: {len(problems)} problem(s), nothing was {done}"
        raise DataError("\n  ".join([head, *problems]))


def read_document(table: Path) -> dict[str, list[Entry]]:
    """Return the three lists of a COCO document.

    Raises DataError where the file is missing, no JSON, or lacks one of the lists.
    """
    try:
        document = json.loads(table.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise DataError(f"{table} is missing: expected a COCO camera traps document") from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{table}: expected a COCO document as JSON in UTF-8: {error}") from error
    if not isinstance(document, dict):
        found = type(document).__name__
        raise DataError(f"{table}: expected a JSON object with {', '.join(PARTS)}, found {found}")
    problems = []
    for name in PARTS:
        if not isinstance(document.get(name), list):
            problems.append(f"{name}: expected a list, found {_kind(document, name)}")
        else:
            problems += [
                f"{name}[{at}]: expected an object, found {entry!r:.60}"
                for at, entry in enumerate(document[name])
                if not isinstance(entry, dict)
            ]
    refuse(table, problems, "read")
    return {name: document[name] for name in PARTS}


def category_names(entries: Sequence[Entry], problems: list[str]) -> dict[Hashable, str]:
    """Return the name of each category by id; add what is wrong to the problems."""
    found = by_id("categories", entries, problems)
    names = {key: str(entry.get("name") or "").strip() for key, entry in found.items()}
    for key, name in names.items():
        if not name:
            problems.append(f"category {key!r}: expected a name, found {found[key].get('name')!r}")
    problems += twice("category name", ((name, key) for key, name in names.items() if name))
    return names


def by_id(part: str, entries: Sequence[Entry], problems: list[str]) -> dict[Hashable, Entry]:
    """Return the entries by `id`; an entry without a usable or with a known id is a problem."""
    found: dict[Hashable, Entry] = {}
    for at, entry in enumerate(entries):
        key = entry.get("id")
        if not is_id(key):
            problems.append(f"{part}[{at}]: id: expected a number or text, found {key!r}")
        elif key in found:
            problems.append(f"{part}[{at}]: id {key!r} is there already")
        else:
            found[key] = entry
    return found


def is_id(value: object) -> bool:
    """Whether a value can be the id of an entry."""
    return isinstance(value, (int, str)) and not isinstance(value, bool)


def twice(what: str, named: Iterable[tuple[str, object]]) -> list[str]:
    """Say for each name that several ids have which ones these are."""
    ids: dict[str, list[object]] = defaultdict(list)
    for name, key in named:
        ids[name].append(key)
    return [
        f"{what} {name!r} is that of ids {', '.join(map(repr, keys))}"
        for name, keys in ids.items()
        if len(keys) > 1
    ]


def link_problems(entry: Entry, species: Container[object], images: Container[object]) -> list[str]:
    """Say which of an annotation's image and category are not in the document."""
    image, category = entry.get("image_id"), entry.get("category_id")
    wrong = []
    if not (is_id(image) and image in images):
        wrong.append(f"image_id {image!r} is not among the images")
    if not (is_id(category) and category in species):
        wrong.append(f"category_id {category!r} is not among the categories")
    return wrong


def _kind(document: Mapping[str, Any], name: str) -> str:
    return type(document[name]).__name__ if name in document else "nothing"
