"""Bring a table of rare species, or folders of images by class, into the family track's format.

    python -m training.family.import_rare_species table DIR/rare_species.csv --out FOLDER
    python -m training.family.import_rare_species folders DIR --taxonomy families.csv --out FOLDER

`table`: the columns of EOL and TreeOfLife tables (rarespecies_id, eol_content_id, kingdom, phylum,
class, order, family, genus, species, sciName, common) and one with the file's name (file_name or
file_path); images are looked for next to the table and in folders below it. `folders`: each folder
of DIR holds the images of a family; the taxonomy is a CSV with the columns family and phylum.
FOLDER gets train.csv (filename, family, phylum, and what else the table tells) and images/.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from training.common.console import say
from training.common.errors import DataError
from training.common.images import list_images, place_image
from training.common.script import parser, run
from training.common.tables import Row, is_ragged, read_table, write_table
from training.family.collection import (
    COLUMNS,
    IMAGES,
    RAGGED,
    TABLE,
    family_problems,
    read_taxonomy,
)

FILE_COLUMNS = ("file_name", "filename", "file_path", "path")
ALSO = ("rarespecies_id", "eol_content_id", "sciName", "common")  # kept where the table has them


def read_rare_species(table: Path) -> list[tuple[Path, Row]]:
    """Return image and row of each line of the table. Raises DataError with all problems."""
    columns, rows = read_table(table, "a table such as rare_species.csv")
    file = next((name for name in FILE_COLUMNS if name in columns), None)
    missing = [name for name in ("family", "phylum") if name not in columns]
    if missing or file is None:
        wanted = [*missing, *([] if file else [" or ".join(FILE_COLUMNS)])]
        raise DataError(f"{table}: columns {wanted} are missing; found {columns}")
    by_name = {path.name: table.parent / path for path in list_images(table.parent)}
    found, problems = [], []
    for line, row in enumerate(rows, start=2):
        if is_ragged(row):
            problems.append(f"line {line}: {RAGGED}")
            continue
        path = by_name.get(Path(row[file].strip()).name)
        if path is None:
            problems.append(f"line {line}: image {row[file]!r} is not in {table.parent} or below")
        for name in ("family", "phylum"):
            if not row[name].strip():
                problems.append(f"line {line}: {name} is empty")
        found.append((path or Path(), {**row, "filename": Path(row[file].strip()).name}))
    _refuse(table, [*problems, *_twice(found)])
    return found


def read_folders(folder: Path, taxonomy: Path) -> list[tuple[Path, Row]]:
    """Return image and row of each image of FOLDER/FAMILY. Raises DataError with all problems."""
    phyla = read_taxonomy(taxonomy)
    found, problems = [], []
    for path in list_images(folder):
        family = path.parts[0] if len(path.parts) > 1 else ""
        if family not in phyla:
            problems.append(f"{path}: family {family!r} is not in the taxonomy {taxonomy}")
        row = {
            "filename": f"{family}_{path.name}",
            "family": family,
            "phylum": phyla.get(family, ""),
        }
        found.append((folder / path, row))
    _refuse(folder, [*problems, *_twice(found)])
    return found


def _twice(found: Sequence[tuple[Path, Row]]) -> list[str]:
    counts = Counter(row["filename"].casefold() for _, row in found)
    return [f"image {name!r} is in {count} rows" for name, count in counts.items() if count > 1]


def _refuse(where: Path, problems: Sequence[str]) -> None:
    if problems:
        head = f"{where}: {len(problems)} problem(s), nothing was imported"
        raise DataError("\n  ".join([head, *problems]))


def work(options: argparse.Namespace) -> None:
    """Import as the options say; the table is written last. Raises DataError, FolderError."""
    if options.command == "table":
        found = read_rare_species(options.source)
    else:
        found = read_folders(options.source, options.taxonomy)
    for note in family_problems(row["family"].strip() for _, row in found):
        say(f"note: {note}")
    for path, row in found:
        place_image(path, options.out / IMAGES / row["filename"], options.link)
    more = [name for name in ALSO if any(name in row for _, row in found)]
    write_table(options.out / TABLE, (*COLUMNS, *more), (row for _, row in found))
    families = len({row["family"] for _, row in found})
    say(f"{options.out}: {len(found)} images of {families} families")


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the options, import and return the exit status."""
    made = parser("training.family.import_rare_species", __doc__ or "")
    made.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = made.add_subparsers(dest="command", required=True)
    for name in ("table", "folders"):
        one = commands.add_parser(name)
        one.add_argument("source", type=Path)
        one.add_argument("--out", type=Path, required=True)
        one.add_argument("--link", action="store_true", help="link to the images, copy none")
        if name == "folders":
            one.add_argument("--taxonomy", type=Path, required=True)
    options = made.parse_args(arguments)
    return run(options, lambda: work(options))


if __name__ == "__main__":
    raise SystemExit(main())
