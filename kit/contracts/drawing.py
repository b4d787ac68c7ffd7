"""Draw input data for a contract whose data are hidden: calls of one and of several images."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from kit.contracts.arrays import draw_arrays
from kit.contracts.reading import Contract
from kit.contracts.recognising import Rows

# How many rows a call has; a single one is what models forget.
_CALLS = (1, 3)


def can_draw(contract: Contract) -> bool:
    """Whether the contract says what its input data are; some come from a file of the organiser."""
    return not contract.table.truth


def draw_input(contract: Contract, folder: Path) -> int:
    """Write input data into a new folder and return the number of images.

    Args:
        contract: one that `can_draw`.
        folder: is made.
    """
    table = contract.table
    folder.mkdir(parents=True)
    if table.arrays:
        draw_arrays(table.arrays, folder)
        return 0
    rows = _rows(contract)
    if table.named_images:
        for turn, row in enumerate(rows):
            _draw(folder / f"{row[table.named_images]}.jpg", turn)
        return len(rows)
    for turn, row in enumerate(rows):
        for column in table.images:
            _draw(folder / row[column], turn)
    write_table(rows, folder / table.file)
    return len(rows) * len(table.images)


def _rows(contract: Contract) -> Rows:
    """Return the rows of calls 1, 2 and so on, or of as many images where each row is a call."""
    table = contract.table
    rows: Rows = []
    for call, count in enumerate(_CALLS, start=1):
        for place in range(count):
            key = str(call if table.group_by else len(rows) + 1)
            row = dict.fromkeys(table.columns, "") | dict(table.drawn)
            row[table.group_by or contract.answer.key] = key
            for column in table.images:
                row[column] = f"images/{call}_{place}_{column}.jpg"
            rows.append(row)
    return rows


def _draw(path: Path, turn: int) -> None:
    from PIL import Image

    base = Image.linear_gradient("L").resize((160, 120))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.merge("RGB", (base, base.rotate(90 * turn), base.rotate(180))).save(path)


def write_table(rows: Rows, path: Path) -> None:
    """Write rows under the names of the first one's columns."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, list(rows[0]), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(stream.getvalue(), encoding="utf-8")
