"""log.csv of a training: a row for each epoch."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from training.common.atomic import write_text


def write_log(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, float]]) -> None:
    """Write the rows as CSV, in one step; a row has a value for each column."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
