"""Recognise the contract of a bundle by its programs and the table of its input data."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO

from kit.bundles import Bundle, Task
from kit.contracts.reading import CODE, Contract, Table, contracts
from kit.errors import KitError
from kit.image_names import is_image
from kit.isolation.app_paths import code_files
from kit.trees import Kind, open_regular, walk
from kit.zips import ZIP_ERRORS

Rows = list[dict[str, str]]
# The key of values beyond the header, which are left out.
_TOO_MANY = "\0"


def contract_of(task: Task) -> Contract | None:
    """Return the contract that a task's programs and data follow, None where the kit knows none.

    The input data of a published bundle are hidden as a rule; the programs decide then.
    """
    ingestion, everything = task.ingestion_program, _code(task)
    for one in contracts():
        if (one.kind == CODE) != (ingestion is not None):
            continue
        if not all(text.encode() in everything for text in one.recognised_by):
            continue
        if task.input_data is None or _has_table(task.input_data, one.table):
            return one
    return None


def _code(task: Task) -> bytes:
    programs = [one for one in (task.ingestion_program, task.scoring_program) if one]
    return b"\n".join(data for program in programs for _, data in code_files(program))


def _has_table(data: Path, table: Table) -> bool:
    if table.truth or table.arrays:
        return True
    try:
        found = asked_rows(data, table) if table.named_images else read_table(data, table.file, 1)
    except KitError:
        return False
    return bool(found) and set(table.columns) <= set(found[0])


def read_table(data: Path, name: str, most: int | None = None) -> Rows:
    """Return the rows of a CSV table in data, a folder or a zip; what a short row lacks is "".

    Args:
        data: the folder or zip.
        name: the table's path in it.
        most: so many rows at most; None for all.

    Raises:
        KitError: there is no such table, or it cannot be read.
    """
    try:
        with _opened(data, name) as binary:
            stream = io.TextIOWrapper(binary, encoding="utf-8-sig", newline="")
            rows = islice(csv.DictReader(stream, restkey=_TOO_MANY, restval=""), most)
            return [{k: v for k, v in row.items() if k != _TOO_MANY} for row in rows]
    except (*ZIP_ERRORS, OSError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise KitError(
            f"{data}: expected a table {name}, found none that reads: {error}"
        ) from error


@contextmanager
def _opened(data: Path, name: str) -> Iterator[IO[bytes]]:
    if data.is_dir():
        with open_regular(data / name) as stream:
            yield stream
        return
    with open_regular(data) as file, zipfile.ZipFile(file) as archive, archive.open(name) as stream:
        yield stream


def asked_rows(data: Path, table: Table) -> Rows:
    """Return the rows that ask for a prediction: of the table, or one for each image.

    Raises:
        KitError: the data cannot be read.
    """
    if table.named_images:
        return [{table.named_images: name} for name in sorted(_image_names(data))]
    return [
        row
        for row in read_table(data, table.file)
        if all(row.get(name, want) == want for name, want in table.only.items())
    ]


def _image_names(data: Path) -> set[str]:
    if data.is_dir():
        names = [item.name for item in walk(data) if item.kind is Kind.FILE]
    else:
        try:
            with open_regular(data) as file, zipfile.ZipFile(file) as archive:
                names = archive.namelist()
        except (*ZIP_ERRORS, OSError) as error:
            raise KitError(f"{data}: expected images in a folder or zip, found {error}") from error
    return {PurePosixPath(name).stem for name in names if is_image(name)}


def unknown_contract(bundle: Bundle) -> str:
    """Say which contracts the kit knows, of which the bundle's is none."""
    known = "; ".join(f"{one.name} ({one.title})" for one in contracts())
    return f"{bundle.path}: expected a bundle whose contract the kit knows, which are {known}"
