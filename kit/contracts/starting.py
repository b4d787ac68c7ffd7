"""Start a submission of a bundle's own contract: `kit new NAME --bundle BUNDLE`."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from kit.bundle_track import track_of_bundle
from kit.bundles import Bundle, Task
from kit.contracts.reading import RESULT, Contract
from kit.contracts.recognising import Rows, asked_rows, contract_of, unknown_contract
from kit.errors import KitError, UsageProblem
from kit.scaffold import making, new, new_target, tracks_with_template, write_files
from kit.trees import Kind, walk


def new_for_bundle(
    parent: Path, name: str, bundle: Bundle, task: Task, packages: Sequence[str] = ()
) -> tuple[Path, str]:
    """Make a submission that a task's own programs take; return its folder and its contract.

    Args:
        parent: where the submissions are; it is made if it is missing.
        name: the new submission's name.
        bundle: what it is for. One with the leaderboard of a track of the kit gets the template
            of that track.
        task: whose table gives the rows of a file of results.
        packages: shared packages, or modules of them, that its model.py imports.

    Raises:
        UsageProblem: the kit does not know the bundle's contract, or as `kit.scaffold.new`.
        KitError: the table that a file of results needs is not in the bundle.
        WriteFailed: the folder cannot be made.
    """
    contract = contract_of(task)
    if contract is None:
        track = track_of_bundle(bundle)
        if track not in tracks_with_template():
            raise UsageProblem(
                unknown_contract(bundle),
                hint="start from the organiser's starting kit, or with --track from a track that "
                "predicts the same kind, a score or a label",
            )
        return new(parent, name, str(track), packages), str(track)
    if contract.kind == RESULT:
        return _new_result(new_target(parent, name), contract, bundle, task, packages)
    return new(parent, name, contract.name, packages, contract.starts_with), contract.name


def _new_result(
    target: Path, contract: Contract, bundle: Bundle, task: Task, packages: Sequence[str]
) -> tuple[Path, str]:
    if packages:
        raise UsageProblem(
            f"--with: {contract.title}: expected no packages, for such a submission has no code"
        )
    text = _filled(contract, _rows_of(contract, bundle, task))
    with making(target) as temporary:
        write_files(temporary, {contract.answer.file: text})
    return target, contract.name


def _rows_of(contract: Contract, bundle: Bundle, task: Task) -> Rows:
    """Read the contract's table from the input data, else from wherever the bundle holds it."""
    table = contract.table
    if task.input_data is not None:
        return asked_rows(task.input_data, table)
    for item in walk(bundle.root) if table.file else ():
        if item.kind is Kind.FILE and item.path.name == table.file:
            rows = asked_rows(item.path.parent, table)
            if rows and set(table.columns) <= set(rows[0]):
                return rows
    wanted = f"a table {table.file} with the columns {', '.join(table.columns)}"
    raise KitError(
        f"{bundle.path}: expected {wanted if table.file else 'input data with images'}, found none",
        hint="put the competition's public data into the bundle's folder, and try again",
    )


def _filled(contract: Contract, rows: Rows) -> str:
    """Write the file of results with the same simple prediction for each row."""
    stream, counts = io.StringIO(newline=""), Counter[str]()
    writer = csv.DictWriter(stream, contract.answer.columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        filled = {contract.answer.key: row[contract.answer.key]}
        for column, form in contract.fills.items():
            without = form.format_map(row | {"n": ""})
            filled[column] = form.format_map(row | {"n": str(counts[without])})
            counts[without] += 1
        writer.writerow(filled)
    return stream.getvalue()
