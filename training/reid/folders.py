"""Write the re-identification track's folders: images by copy or link, tables last and whole."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from training.common.atomic import replaced

QUERY_COLUMNS = ("filename", "dataset", "date", "orientation", "species")
REFERENCE_COLUMNS = ("filename", "identity", "dataset", "new_identity")


def place_image(source: Path, target: Path, link: bool) -> None:
    """Copy an image, or link to it; leave a target of the same kind and size as it is.

    The target gets its name when it is complete, so that a killed run can be run again.
    """
    same_kind = target.exists() and target.is_symlink() == link
    if same_kind and target.stat().st_size == source.stat().st_size:
        return
    if not link:
        with replaced(target) as temporary:
            shutil.copyfile(source, temporary)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    # A link is complete from the start; the old target only has to make room.
    target.unlink(missing_ok=True)
    target.symlink_to(source.resolve())


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """Write a CSV table with these columns in one step; leave out the rows' other columns."""
    with replaced(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
