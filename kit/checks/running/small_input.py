"""A few images of a task's input data in a folder of the same form, for the bundle's own program.

Tables that name images keep the rows of the images that stay. With a contract its table says which
rows belong together; without one, the first rows of every table that names images stay.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kit.contracts.drawing import can_draw, draw_input, write_table
from kit.contracts.reading import Contract, Table
from kit.contracts.recognising import Rows, asked_rows, read_table
from kit.errors import KitError
from kit.image_names import is_image
from kit.trees import Item, Kind, walk
from kit.zips import unpack

# So few images are used as they are.
_FEW = 24
_ROWS = 8
_CALLS = 3


@dataclass(frozen=True)
class Small:
    """Input data for a trial.

    Attributes:
        data: a folder, or the task's own input data where they are small.
        images: how many images they hold.
        total: how many there are in all; 0 for drawn ones.
        is_cut: whether something was left out.
        named: what a contract without images gives, in words; "" where there are images.
    """

    data: Path
    images: int
    total: int
    is_cut: bool
    named: str = ""

    def __str__(self) -> str:
        if self.named:
            return self.named
        if not self.total:
            return f"{self.images} drawn images"
        return f"{self.images} of {self.total} images" if self.is_cut else f"{self.images} images"


def small_input(
    data: Path | None, contract: Contract | None, folder: Path, calls: int = _CALLS
) -> Small:
    """Return a few images of the input data, drawn ones of the contract where data are hidden.

    Args:
        data: the task's input data, a folder or a zip, or None.
        contract: the bundle's, where the kit knows it.
        folder: a folder to write into.
        calls: how many calls of the contract stay; few images are used as they are, unless it is 1.

    Raises:
        KitError: there is neither, or the zip of the data cannot be used.
    """
    if data is None and contract and can_draw(contract):
        drawn = draw_input(contract, folder / "input")
        return Small(folder / "input", drawn, 0, False, "" if drawn else "drawn arrays")
    if data is None:
        raise KitError("the bundle's input data are hidden")
    source = data
    if not data.is_dir():
        source = folder / "unpacked"
        unpack(data, source)
    files = [item for item in walk(source) if item.kind is Kind.FILE]
    images = [item.name for item in files if is_image(item.name)]
    if contract and not images:
        return Small(source, 0, 0, False, "the input data")
    if len(images) <= _FEW and calls > 1:
        return Small(source, len(images), len(images), False)
    tables = _tables(source, [item.name for item in files], images, contract, calls)
    kept = {name for _, named in tables.values() for name in named} or set(images[:_ROWS])
    _copy(files, tables, set(images) - kept, folder / "input")
    return Small(folder / "input", len(kept), len(images), True)


def _copy(
    files: Iterable[Item], tables: Mapping[str, tuple[Rows, set[str]]], left: set[str], target: Path
) -> None:
    """Write the tables' rows that stay, and link all other files but those of `left`."""
    for item in files:
        if item.name in tables:
            write_table(tables[item.name][0], target / item.name)
        elif item.name not in left:
            _link(item.path, target / item.name)


def _tables(
    source: Path, files: Iterable[str], images: list[str], contract: Contract | None, calls: int
) -> dict[str, tuple[Rows, set[str]]]:
    """Return for each table that names images the rows that stay, and the images that they name."""
    by_name = _by_name(images)
    if contract:
        table = contract.table
        rows = _some_calls(asked_rows(source, table), table, calls)
        return {table.file: (rows, _named(rows, by_name))}
    found = {}
    for name in files:
        if name.lower().endswith(".csv"):
            rows = _naming(source, name, by_name)
            if rows:
                found[name] = (rows, _named(rows, by_name))
    return found


def _by_name(images: list[str]) -> dict[str, str]:
    """Return images by what a table may call them: their path, or their name where it is unique."""
    short: dict[str, list[str]] = {}
    for name in images:
        short.setdefault(name.rpartition("/")[2], []).append(name)
    return {key: names[0] for key, names in short.items() if len(names) == 1} | {
        name: name for name in images
    }


def _naming(source: Path, name: str, by_name: Mapping[str, str]) -> Rows:
    """Return the first rows of a table that name images; none of a table about other things."""
    try:
        rows = read_table(source, name)
    except KitError:
        return []
    naming = [row for row in rows if _named([row], by_name)]
    return naming[:_ROWS] if 2 * len(naming) >= len(rows) else []


def _named(rows: Rows, by_name: Mapping[str, str]) -> set[str]:
    values = (value for row in rows for value in row.values() if isinstance(value, str))
    return {by_name[value] for value in values if value in by_name}


def _some_calls(rows: Rows, table: Table, count: int) -> Rows:
    """Return the rows of the shortest, the longest and a middle call, in the order of the table."""
    calls: dict[object, Rows] = {}
    for number, row in enumerate(rows):
        calls.setdefault(row[table.group_by] if table.group_by else number, []).append(row)
    by_length = sorted(calls, key=lambda call: len(calls[call]))
    chosen = (
        {by_length[place] for place in (0, -1, len(by_length) // 2)[:count]} if by_length else set()
    )
    return [row for call, its in calls.items() if call in chosen for row in its]


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it to another disk: a symbolic link would lead out."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)
