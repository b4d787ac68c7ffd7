"""Write the re-identification track's folders: images by copy or link, tables last and whole."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

QUERY_COLUMNS = ("filename", "dataset", "date", "orientation", "species")
REFERENCE_COLUMNS = ("filename", "identity", "dataset", "new_identity")


def place_image(source: Path, target: Path, link: bool) -> None:
    """Copy, or link to, a image; one of the same size that is there already stays.

    A copy gets its name when it is complete, so that a killed run can be run again.
    """
    same_kind = target.exists() and target.is_symlink() == link
    if same_kind and target.stat().st_size == source.stat().st_size:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    if link:
        part.symlink_to(source.resolve())
    else:
        shutil.copyfile(source, part)
    part.replace(target)


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """A CSV table with these columns; others of the rows are left out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    part.replace(path)
