"""Read the contracts: what a challenge hands to a submission, and what it wants back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

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
        truth: where the organiser's program makes the table itself, the table of the reference data
            that holds the key; "" where the input data hold one.
        arrays: where there is no table, shapes by name of the .npz files: as they are drawn, and
            with as many axes as they have.
    """

    file: str = ""
    columns: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    group_by: str = ""
    only: Mapping[str, str] = field(default_factory=dict)
    drawn: Mapping[str, str] = field(default_factory=dict)
    named_images: str = ""
    truth: str = ""
    arrays: Mapping[str, list[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """The file of predictions, or several files of arrays.

    Attributes:
        file: its name at the root of the output.
        columns: its header.
        key: the column that says what a row is about: a group of the table, or a row.
        rows: how many rows there are for each.
        number: the column that has to hold finite numbers; "" for none.
        whole: the column that has to hold whole numbers, which name classes; "" for none.
        not_negative: where these columns have these values, the number is at least 0.
        ordered: whether the rows have to be in the order of the table.
        begins: how the values of columns have to begin: with {column} of any row of the table.
        instead: columns that may stand in the place of another, by that other's name.
        arrays: in place of a table, names of .npz files; each holds `arr_0` of the shape of the
            input's file that is named with it, without the last axis.
    """

    file: str = ""
    columns: tuple[str, ...] = ()
    key: str = ""
    rows: int = 1
    number: str = ""
    whole: str = ""
    not_negative: Mapping[str, str] = field(default_factory=dict)
    ordered: bool = False
    begins: Mapping[str, str] = field(default_factory=dict)
    instead: Mapping[str, str] = field(default_factory=dict)
    arrays: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> Literal["score", "label"]:
        """What a prediction is: a score, which noise may move a little, or a label."""
        return "score" if self.number or self.arrays else "label"

    @property
    def files(self) -> tuple[str, ...]:
        """The names of all files of predictions."""
        return tuple(self.arrays) or (self.file,)


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
        script: the file of the submission that his program starts with Python, in the folder of
            the submission; "" where it imports class Model of model.py.
        made_with: what it gives to Model(), such as the name of a data set.
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
    script: str = ""
    made_with: tuple[str, ...] = ()
    starts_with: Mapping[str, str] = field(default_factory=dict)
    fills: Mapping[str, str] = field(default_factory=dict)


@cache
def contracts() -> tuple[Contract, ...]:
    """Return every contract that the kit knows, by name."""
    return tuple(_contract(read_yaml(path)) for path in sorted(_FOLDER.glob("*.yaml")))


def _contract(content: dict[str, Any]) -> Contract:
    parts = {"table": _made(Table, content["table"]), "answer": _made(Wanted, content["answer"])}
    made: Contract = _made(Contract, content | parts)
    return made


def _made(kind: type[Any], content: dict[str, Any]) -> Any:
    return kind(**{key: tuple(v) if isinstance(v, list) else v for key, v in content.items()})
