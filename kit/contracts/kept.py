"""What a run keeps of the predictions, whatever their contract, and how they are compared."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from kit.bundles import Task
from kit.contract import PREDICTIONS_FILE
from kit.contracts.answers import read_answers
from kit.contracts.arrays import array_rows
from kit.contracts.reading import Contract, Wanted, contracts
from kit.contracts.recognising import contract_of
from kit.errors import KitError


def predictions_names(task: Task) -> tuple[str, ...]:
    """Return the names of the files of predictions of a task: its contract's, else the kit's."""
    contract = contract_of(task)
    return contract.answer.files if contract else (PREDICTIONS_FILE,)


def predictions_name(task: Task) -> str:
    """Return the name of the one file of predictions of a task.

    Raises:
        KitError: the predictions of its contract are several files.
    """
    names = predictions_names(task)
    if len(names) > 1:
        raise KitError(
            f"expected a contract with one file of predictions, found {', '.join(names)}",
            hint="compare with a run: --against RUN_ID",
        )
    return names[0]


def contract_in(folder: Path) -> Contract | None:
    """Return the contract whose files of predictions a folder holds, None where none fits."""
    return next((one for one in contracts() if _fits(folder, one.answer)), None)


def _fits(folder: Path, wanted: Wanted) -> bool:
    if not all((folder / name).is_file() for name in wanted.files):
        return False
    try:
        rows = [] if wanted.arrays else read_answers(folder, wanted)
    except KitError:
        return False
    return bool(wanted.arrays) or (bool(rows) and set(wanted.columns) <= set(rows[0]))


def comparable(folder: Path, task: Task) -> str:
    """Return predictions as rows of name,prediction, the form of predictions.txt.

    Of a contract with a number, the other columns name a row; of one without, its key does. Their
    rows are sorted, because an organiser's program may write them in any order. An array gives a
    row for each sample, with its mean.

    Raises:
        KitError: the file is missing or has other columns.
    """
    contract, path = contract_of(task), folder / predictions_names(task)[0]
    usual = folder / PREDICTIONS_FILE
    try:
        if contract is None or (usual.is_file() and not path.is_file()):
            return usual.read_text(encoding="utf-8")
        return _rows(folder, contract)
    except (OSError, UnicodeDecodeError, KeyError) as error:
        raise KitError(
            f"{path}: expected {path.name}, which is what can be compared, found none ({error})"
        ) from error


def _rows(folder: Path, contract: Contract) -> str:
    wanted = contract.answer
    if wanted.arrays:
        return _as_text(array_rows(folder, wanted.files))
    values = [wanted.number] if wanted.number else [n for n in wanted.columns if n != wanted.key]
    names = [name for name in wanted.columns if name not in values]
    rows = read_answers(folder, wanted)
    return _as_text(
        sorted(
            (" ".join(row[name] for name in names), " ".join(row[name] for name in values))
            for row in rows
        )
    )


def _as_text(rows: Iterable[tuple[str, str]]) -> str:
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()
