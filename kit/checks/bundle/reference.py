"""The reference table against the images of the input, and against the columns of a known track.

A bundle of a known track has our two programs. Its scoring program wants exactly one prediction for
each image of the table, and our ingestion program predicts each image at the top of the input data.
Programs of others may do as they like, so less is certain there.
"""

from __future__ import annotations

import ast
import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from kit.checks.bundle.contents import unpacked
from kit.competition import Competition
from kit.findings.finding import Finding, shown
from kit.image_names import SUFFIXES
from kit.packing.shipping import is_junk
from kit.trees import Kind, walk

_MOST_IDS = 200_000
_NAME = "filename"
_REGISTRY = Path("wildlife_scoring", "tracks.py")
_INGESTION = Path("wildlife_ingestion", "images.py")


@dataclass(frozen=True)
class Table:
    """A reference table: its name, its column titles, and the file names that it lists."""

    name: str
    titles: tuple[str, ...]
    names: frozenset[str]


def check_references(competition: Competition) -> Iterator[Finding]:
    """The reference data of every task."""
    for _, task in competition.entries("tasks"):
        value = task.get("reference_data")
        if isinstance(value, str) and competition.holds(value):
            with unpacked(competition.root / value) as (folder, _):
                tables = [_read(path) for path in _csv_files(folder)] if folder else []
            tracks = _tracks(competition, task.get("scoring_program"))
            if tracks and folder:
                yield from _track_columns(value, tables, tracks)
            yield from _ids(competition, task, tables, bool(tracks))


def _csv_files(folder: Path) -> list[Path]:
    files = (path for path in folder.iterdir() if path.suffix.lower() == ".csv")
    return sorted(path for path in files if path.is_file() and not path.name.startswith("."))


def _read(path: Path) -> Table:
    """Read titles and file names; a table that is no UTF-8 CSV has neither."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream)
            titles = tuple(title.strip() for title in next(rows, []))
            place = titles.index(_NAME) if _NAME in titles else None
            names = () if place is None else (row[place] for row in rows if len(row) > place)
            return Table(path.name, titles, frozenset(name for name in names if name))
    except (OSError, ValueError, csv.Error):
        return Table(path.name, (), frozenset())


def _tracks(competition: Competition, program: Any) -> dict[str, tuple[str, ...]]:
    """Track -> columns of its reference table, as our scoring program registers them; else none."""
    if not competition.holds(program):
        return {}
    with unpacked(competition.root / program) as (folder, _):
        path = folder / _REGISTRY if folder else None
        if path is None or not path.is_file():
            return {}
        try:
            return dict(map(_row, _track_calls(path)))
        except (SyntaxError, ValueError, TypeError, KeyError):
            return {}  # not as this kit knows it


def _track_calls(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Track":
            yield node


def _row(call: ast.Call) -> tuple[str, tuple[str, ...]]:
    given = {word.arg: word.value for word in call.keywords}
    return str(ast.literal_eval(given["name"])), tuple(ast.literal_eval(given["columns"]))


def _track_columns(
    value: str, tables: list[Table], tracks: Mapping[str, tuple[str, ...]]
) -> Iterator[Finding]:
    """Our scoring program reads the one table, and finds the track by its columns."""
    if len(tables) != 1:
        names = f": {shown([table.name for table in tables])}" if tables else ""
        found = f"expected one table (.csv) at the top, found {len(tables)}{names}"
        yield Finding("reference-table", value, found)
        return
    (table,) = tables
    if any(set(columns) <= set(table.titles) for columns in tracks.values()):
        if not table.names:
            yield Finding("reference-table", f"{value}/{table.name}", "names no image")
        return
    wanted = "; ".join(f"{track}: {', '.join(columns)}" for track, columns in tracks.items())
    has = ", ".join(table.titles) or "nothing that reads as a UTF-8 table"
    found = f"expected the columns of a track ({wanted}), found {has}"
    yield Finding("reference-table", f"{value}/{table.name}", found)


def _ids(
    competition: Competition, task: dict[str, Any], tables: list[Table], known_track: bool
) -> Iterator[Finding]:
    input_data, reference_data = task.get("input_data"), str(task.get("reference_data"))
    wanted = frozenset[str]().union(*(table.names for table in tables))
    if not wanted or not competition.holds(input_data):
        return
    with unpacked(competition.root / str(input_data)) as (folder, _):
        images = _images(folder) if folder else None
    if not images or len(images) > _MOST_IDS:
        return  # check_named_files reports a folder that is empty
    if known_track and _is_ours(competition, task.get("ingestion_program")):
        there = frozenset(path.name for path in images if len(path.parts) == 1)
        code = "data-ids"
    else:
        wanted, there = _comparable(wanted, images)
        predicts = bool(task.get("ingestion_program"))
        code = "data-ids" if predicts and wanted and not wanted & there else "data-ids-partly"
    yield from _differences(code, reference_data, str(input_data), wanted, there)


def _is_ours(competition: Competition, program: Any) -> bool:
    if not competition.holds(program):
        return False
    with unpacked(competition.root / program) as (folder, _):
        return folder is not None and (folder / _INGESTION).is_file()


def _images(folder: Path) -> list[PurePosixPath]:
    names = [PurePosixPath(item.name) for item in walk(folder) if item.kind is Kind.FILE]
    return [name for name in names if name.suffix.lower() in SUFFIXES and not _is_hidden(name)]


def _is_hidden(name: PurePosixPath) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in name.parts) or is_junk(name.name)


def _comparable(
    wanted: frozenset[str], images: list[PurePosixPath]
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the images that the reference names, and those in the folders where any of them lies.

    Other folders, such as one of training data, and other files are none of the reference's.
    """
    paths = [path for name in wanted if (path := PurePosixPath(name)).suffix.lower() in SUFFIXES]
    named = frozenset(path.name for path in paths)
    by_folder: dict[PurePosixPath, set[str]] = defaultdict(set)
    for image in images:
        by_folder[image.parent].add(image.name)
    folders = [folder for folder, names in by_folder.items() if names & named]
    # A name may be there in several folders: those that the reference spells, or the one that
    # holds all of its images, are meant.
    spelled = {path.parent.parts for path in paths if len(path.parts) > 1}
    folders = [f for f in folders if _ends_with(f, spelled)] or folders
    whole = [folder for folder in folders if named <= by_folder[folder]]
    chosen = [min(whole, key=lambda f: len(by_folder[f]))] if whole else folders or [*by_folder]
    return named, frozenset(name for folder in chosen for name in by_folder[folder])


def _ends_with(folder: PurePosixPath, spelled: set[tuple[str, ...]]) -> bool:
    return any(folder.parts[-len(parts) :] == parts for parts in spelled)


def _differences(
    code: str, reference: str, inputs: str, wanted: frozenset[str], there: frozenset[str]
) -> Iterator[Finding]:
    if missing := sorted(wanted - there):
        found = f"{len(missing)} images of the reference are not in the input: {shown(missing)}"
        yield Finding(code, reference, found + _by_case(missing, there))
    # What differs in capital letters, or altogether, is one cause and said once.
    said = {name.lower() for name in missing} if wanted & there else {n.lower() for n in there}
    if extra := sorted(name for name in there - wanted if name.lower() not in said):
        found = f"{len(extra)} images of the input are not in the reference: {shown(extra)}"
        yield Finding(code, inputs, found)


def _by_case(missing: list[str], there: frozenset[str]) -> str:
    lower = {name.lower(): name for name in there}
    others = [name for name in missing if name.lower() in lower]
    if not others:
        return ""
    example = f"{others[0]} is {lower[others[0].lower()]} there"
    return f"; {len(others)} differ in capital letters only ({example})"
