"""Read the contracts: what a challenge hands to a submission, and what it wants back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from kit.yaml_text import read_yaml

CODE, RESULT = "code", "result"
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Table:
    """The table of the input data, or the images themselves where they have none.

    Attributes:
        file: its name in the input data.
        columns: those that it has to have.
        images: the columns that name images, relative to the input data.
        group_by: the column whose equal values make one call; "" where each row is one.
        only: values by column of the rows that count, where the table has the column.
        drawn: values by column for a table that the kit draws.
        named_images: where there is no table, the column that holds the name of each image of the
            input data, without its ending; "" where there is one.
    """

    file: str = ""
    columns: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    group_by: str = ""
    only: Mapping[str, str] = field(default_factory=dict)
    drawn: Mapping[str, str] = field(default_factory=dict)
    named_images: str = ""


@dataclass(frozen=True)
class Wanted:
    """The file of predictions.

    Attributes:
        file: its name at the root of the output.
        columns: its header.
        key: the column that says what a row is about: a group of the table, or a row.
        rows: how many rows there are for each.
        number: the column that has to hold finite numbers; "" for none.
        not_negative: where these columns have these values, the number is at least 0.
    """

    file: str
    columns: tuple[str, ...]
    key: str
    rows: int = 1
    number: str = ""
    not_negative: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Contract:
    """The submission contract of a published challenge.

    Attributes:
        name: how it is called, also on the command line.
        title: what it asks for, in a few words.
        kind: `code` (a model.py that the organiser's program calls) or `result` (a file).
        recognised_by: texts that the bundle's programs hold, all of them.
        table: what the input data hold.
        answer: what comes back.
        call: how the organiser's program calls the model; "" for a result.
        starts_with: the files of a new submission of code.
        fills: for a result, the values of a new file's columns: with {column} of the table's row,
            and {n}, which counts rows with the same value before it.
    """

    name: str
    title: str
    kind: str
    recognised_by: tuple[str, ...]
    table: Table
    answer: Wanted
    call: str = ""
    starts_with: Mapping[str, str] = field(default_factory=dict)
    fills: Mapping[str, str] = field(default_factory=dict)


@cache
def contracts() -> tuple[Contract, ...]:
    """Return every contract that the kit knows, by name."""
    return tuple(_contract(read_yaml(path)) for path in sorted(_FOLDER.glob("*.yaml")))


def _contract(content: dict[str, Any]) -> Contract:
    parts = {"table": _with_tuples(Table, content), "answer": _with_tuples(Wanted, content)}
    return Contract(**content | parts | {"recognised_by": tuple(content["recognised_by"])})


def _with_tuples(kind: type[Any], content: dict[str, Any]) -> Any:
    part = content["table" if kind is Table else "answer"]
    return kind(**{key: tuple(v) if isinstance(v, list) else v for key, v in part.items()})
