"""The file of a result submission against the contract of its bundle, where the kit knows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kit.bundles import Task
from kit.contracts.answers import answer_problems
from kit.contracts.reading import RESULT
from kit.contracts.recognising import contract_of
from kit.findings.finding import Finding


def check_result_file(root: Path, task: Task | None) -> Iterator[Finding]:
    """The file has the columns of the contract, and each image of the input data once.

    The reference data may be hidden: nothing is scored for it.
    """
    contract = contract_of(task) if task else None
    if task is None or contract is None or contract.kind != RESULT or task.input_data is None:
        return
    yield from answer_problems(root, contract, task.input_data)
