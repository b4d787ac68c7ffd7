"""What a run keeps of the predictions, whatever their contract, and how they are compared."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from kit.bundles import Task
from kit.contract import PREDICTIONS_FILE
from kit.contracts.reading import Contract
from kit.contracts.recognising import contract_of, read_table
from kit.errors import KitError


def predictions_name(task: Task) -> str:
    """Return the name of the file of predictions of a task: its contract's, else the kit's."""
    contract = contract_of(task)
    return contract.answer.file if contract else PREDICTIONS_FILE


def comparable(folder: Path, task: Task) -> str:
    """Return predictions as rows of name,prediction, the form of predictions.txt.

    Of a contract with a number, the other columns name a row; of one without, its key does. Their
    rows are sorted, because an organiser's program may write them in any order.

    Raises:
        KitError: the file is missing or has other columns.
    """
    contract, path = contract_of(task), folder / predictions_name(task)
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
    values = [wanted.number] if wanted.number else [n for n in wanted.columns if n != wanted.key]
    names = [name for name in wanted.columns if name not in values]
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\n").writerows(
        sorted(
            (" ".join(row[name] for name in names), " ".join(row[name] for name in values))
            for row in read_table(folder, wanted.file)
        )
    )
    return stream.getvalue()
