"""Recognise the contract of a bundle by its programs and the table of its input data."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

from kit.bundles import Bundle, Task
from kit.contracts.reading import CODE, RESULT, Contract, Table, contracts
from kit.errors import KitError
from kit.isolation.app_paths import code_files
from kit.zips import ZIP_ERRORS

Rows = list[dict[str, str]]


def contract_of(task: Task) -> Contract | None:
    """Return the contract that a task's programs and data follow, None where the kit knows none.

    The input data of a published bundle are hidden as a rule; the programs decide then.
    """
    for one in contracts():
        program = task.ingestion_program if one.kind == CODE else task.scoring_program
        if one.kind == RESULT and task.ingestion_program is not None:
            continue
        if program is None or not _holds(program, one.recognised_by):
            continue
        if task.input_data is None or _has_table(task.input_data, one.table):
            return one
    return None


def _holds(program: Path, texts: tuple[str, ...]) -> bool:
    everything = b"\n".join(data for _, data in code_files(program))
    return all(text.encode() in everything for text in texts)


def _has_table(data: Path, table: Table) -> bool:
    try:
        found = read_table(data, table.file)
    except KitError:
        return False
    return bool(found) and set(table.columns) <= set(found[0])


def read_table(data: Path, name: str) -> Rows:
    """Return the rows of a CSV table in input data, a folder or a zip.

    Raises:
        KitError: there is no such table, or it cannot be read.
    """
    try:
        if data.is_dir():
            text = (data / name).read_text(encoding="utf-8-sig")
        else:
            with zipfile.ZipFile(data) as archive:
                text = archive.read(name).decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text, newline="")))
    except (*ZIP_ERRORS, OSError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise KitError(
            f"{data}: expected a table {name}, found none that reads: {error}"
        ) from error


def counted(rows: Rows, table: Table) -> Rows:
    """Return the rows that ask for a prediction."""
    return [
        row for row in rows if all(row.get(name, want) == want for name, want in table.only.items())
    ]


def unknown_contract(bundle: Bundle) -> str:
    """Say which contracts the kit knows, of which the bundle's is none."""
    known = "; ".join(f"{one.name} ({one.title})" for one in contracts())
    return f"{bundle.path}: expected a bundle whose contract the kit knows, which are {known}"
