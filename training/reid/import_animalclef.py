"""Bring the data of AnimalCLEF 2025, or a folder of individuals, into this repository's format.

    python -m training.reid.import_animalclef kaggle DIR --out FOLDER
    python -m training.reid.import_animalclef individuals DIR --dataset lynx --out FOLDER
    python -m training.reid.import_animalclef individuals DIR --dataset lion --out FOLDER \\
        --name-pattern '(?P<identity>[^_]+)_(?P<orientation>.+)'
    python -m training.reid.import_animalclef individuals DIR --dataset lion --out FOLDER \\
        --table labels.csv --orientation-column part
    python -m training.reid.import_animalclef export --predictions predictions.txt \\
        --query FOLDER/query --sample sample_submission.csv --out submission.csv

`kaggle`: DIR is the unpacked competition, metadata.csv and images/. FOLDER/train gets the images
of known individuals, FOLDER/query those without an identity, flat and named after their image_id.
The orientation `below` becomes `down`, `up` and `above` become `top`.
`individuals`: DIR holds a folder for each individual; or images whose names tell it (a pattern
with the group `identity`, and `orientation` and `date` where it has them, matched against the name
without its ending); or a table with the columns `filename` and `identity`, and `date` and an
orientation where there are such. Identities get the dataset's name in front, as in AnimalCLEF.
`export`: predictions.txt of a run on FOLDER/query becomes the CSV that Kaggle takes, in the order
of its sample.

Images are copied; with --link, FOLDER links to them. Each file gets its name when it is complete,
and metadata.csv is written last: a command that was stopped can be given again.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from training.common.console import say
from training.common.errors import DataError
from training.common.images import claim, list_images, place_image
from training.common.script import parser, run
from training.common.tables import write_table
from training.reid.database import COLUMNS, NEW, read_metadata, value
from training.reid.folders import QUERY_COLUMNS
from training.reid.kaggle_submission import export

Row = dict[str, str]  # the columns COLUMNS; `path` is relative to the folder that is imported
ORIENTATIONS = {"below": "down", "up": "top", "above": "top"}
SPLITS = ("database", "query")
NOT_SETTINGS = ("out", "debug", "script")  # options that do not change what is written


def read_kaggle(folder: Path) -> list[Row]:
    """Rows of FOLDER/metadata.csv in its order; `identity` is "" for queries.

    Raises DataError with all that is wrong.
    """
    columns, found = read_metadata(folder / "metadata.csv")
    if missing := [name for name in COLUMNS if name not in columns]:
        raise DataError(f"{folder}/metadata.csv: columns {missing} are missing; found {columns}")
    rows = [{name: value(row, name) for name in COLUMNS} for row in found]
    for row in rows:
        row["orientation"] = ORIENTATIONS.get(row["orientation"], row["orientation"])
    _refuse(folder, [*_kaggle_problems(rows), *_common_problems(rows, folder)])
    return rows


def _kaggle_problems(rows: list[Row]) -> Iterable[str]:
    for line, row in enumerate(rows, start=2):
        if row["split"] not in SPLITS:
            yield f"line {line}: split is {row['split']!r}, expected database or query"
        if row["split"] == "database" and not row["identity"]:
            yield f"line {line}: an image of the database without identity"
        if not re.fullmatch(r"[\w.-]+", row["image_id"]):
            yield f"line {line}: image_id {row['image_id']!r}, expected letters, digits, '._-'"


def read_individuals(
    folder: Path, dataset: str, pattern: str | None, table: str | None, orientation: str
) -> list[Row]:
    """A row for each image of a folder of individuals; image_id counts them by path.

    At most one of `pattern` and `table` is given; without both, the first folder of a path names
    the individual. Raises DataError with all that is wrong.
    """
    if table:
        found = _listed(folder, table, orientation)
    else:
        found = _named(folder, list_images(folder), pattern)
    rows = []
    for number, one in enumerate(sorted(found, key=lambda one: one["path"])):
        identity = f"{dataset}_{one['identity']}" if one["identity"] else ""
        added = {"image_id": str(number), "split": "database", "dataset": dataset}
        rows.append({**dict.fromkeys(COLUMNS, ""), **one, **added, "identity": identity})
    problems = [f"{row['path']}: no identity" for row in rows if not row["identity"]]
    _refuse(folder, [*problems, *_common_problems(rows, folder)])
    return rows


def _listed(folder: Path, table: str, orientation: str) -> list[Row]:
    path = next((one for one in (folder / table, Path(table)) if one.is_file()), folder / table)
    columns, rows = read_metadata(path)
    needed = ["filename", "identity", *([orientation] if orientation != "orientation" else [])]
    if missing := [name for name in needed if name not in columns]:
        raise DataError(f"{path}: columns {missing} are missing; found {columns}")
    inside = "images/" if (folder / "images").is_dir() else ""
    return [
        {
            "path": inside + value(row, "filename"),
            "identity": value(row, "identity"),
            "orientation": value(row, orientation),
            "date": value(row, "date"),
            "species": value(row, "species"),
        }
        for row in rows
    ]


def _named(folder: Path, images: Sequence[Path], pattern: str | None) -> list[Row]:
    """Rows by the names of folders or, with a pattern, of files."""
    found, strange = [], []
    for path in images:
        if pattern is None:
            inside = path.parent.parts
            found.append({"path": path.as_posix(), "identity": inside[0] if inside else ""})
        elif match := re.fullmatch(pattern, path.stem):
            groups = {name: text or "" for name, text in match.groupdict().items()}
            found.append({"path": path.as_posix(), **groups})
        else:
            strange.append(f"{path}: the name {path.stem!r} does not match {pattern!r}")
    _refuse(folder, strange)
    return found


def _common_problems(rows: list[Row], folder: Path) -> Iterable[str]:
    if not rows:
        yield "no images"
    for row in rows:
        path = PurePosixPath(row["path"])
        if not row["path"] or path.is_absolute() or ".." in path.parts:
            yield f"image_id {row['image_id']}: path {row['path']!r}, expected one below {folder}"
        elif not (folder / path).is_file():
            yield f"image_id {row['image_id']}: image {row['path']!r} is not in {folder}"
        if not row["dataset"]:
            yield f"image_id {row['image_id']}: no dataset"
        if row["identity"] == NEW:
            yield f"image_id {row['image_id']}: identity {NEW!r}, the answer for unknown animals"
    for column in ("image_id", "path"):
        for name, count in Counter(row[column] for row in rows).items():
            if count > 1:
                yield f"{column} {name!r} is listed {count} times"


def _refuse(folder: Path, problems: Sequence[str]) -> None:
    if problems:
        head = f"{folder}: {len(problems)} problem(s), nothing was imported"
        raise DataError("\n  ".join([head, *problems]))


def write_database(rows: Sequence[Row], folder: Path, out: Path, link: bool) -> None:
    """OUT/train: images below images/DATASET/, metadata.csv last."""
    written = []
    for row in rows:
        parts = list(PurePosixPath(row["path"]).parts)
        for leading in ("images", row["dataset"]):
            parts = parts[1:] if parts[0] == leading and len(parts) > 1 else parts
        path = PurePosixPath("images", row["dataset"], *parts)
        place_image(folder / row["path"], out / "train" / path, link)
        written.append({**row, "path": str(path)})
    write_table(out / "train" / "metadata.csv", COLUMNS, written)


def write_queries(rows: Sequence[Row], folder: Path, out: Path, link: bool) -> None:
    """OUT/query: flat images `IMAGE_ID.ENDING`, metadata.csv last."""
    written = []
    for row in rows:
        name = row["image_id"] + PurePosixPath(row["path"]).suffix.lower()
        place_image(folder / row["path"], out / "query" / name, link)
        written.append({**row, "filename": name})
    write_table(out / "query" / "metadata.csv", QUERY_COLUMNS, written)


def _report(known: Sequence[Row], queries: Sequence[Row], how: str, out: Path) -> None:
    for dataset in sorted({row["dataset"] for row in (*known, *queries)}):
        own = [row["identity"] for row in known if row["dataset"] == dataset]
        asked = sum(row["dataset"] == dataset for row in queries)
        single = sum(count == 1 for count in Counter(own).values())
        say(
            f"{dataset}: {len(own)} images of {len(set(own))} individuals, {single} of them with "
            f"one image; {asked} queries"
        )
    say(f"{out}: images {how}")


def _import(options: argparse.Namespace) -> None:
    if options.command == "kaggle":
        rows = read_kaggle(options.folder)
    else:
        rows = read_individuals(
            options.folder,
            options.dataset,
            options.name_pattern,
            options.table,
            options.orientation_column,
        )
    known = [row for row in rows if row["split"] == "database"]
    queries = [row for row in rows if row["split"] == "query"]
    settings = {name: str(one) for name, one in vars(options).items() if name not in NOT_SETTINGS}
    claim(options.out, "import_animalclef", settings)
    write_database(known, options.folder, options.out, options.link)
    if queries:
        write_queries(queries, options.folder, options.out, options.link)
    _report(known, queries, "linked to" if options.link else "copied", options.out)


def _pattern(text: str) -> str:
    try:
        groups = re.compile(text).groupindex
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from error
    if "identity" not in groups:
        raise argparse.ArgumentTypeError(f"{text!r} has no group (?P<identity>...)")
    return text


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    made = parser("training.reid.import_animalclef", __doc__ or "")
    made.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = made.add_subparsers(dest="command", required=True)
    kaggle = commands.add_parser("kaggle", help="the unpacked competition")
    individuals = commands.add_parser("individuals", help="a folder of images of individuals")
    for one in (kaggle, individuals):
        one.add_argument("folder", type=Path)
        one.add_argument("--out", type=Path, required=True, help="new folder")
        one.add_argument("--link", action="store_true", help="link to the images, copy none")
    individuals.add_argument("--dataset", required=True, help="name of the dataset, such as lynx")
    how = individuals.add_mutually_exclusive_group()
    how.add_argument("--name-pattern", type=_pattern, help="regular expression of a file's name")
    how.add_argument("--table", help="CSV with filename and identity, in the folder or anywhere")
    individuals.add_argument("--orientation-column", default="orientation", help="of --table")
    kaggle_csv = commands.add_parser("export", help="predictions to Kaggle's CSV")
    for name in ("predictions", "query", "sample", "out"):
        kaggle_csv.add_argument(f"--{name}", type=Path, required=True)
    return made.parse_args(arguments)


def work(options: argparse.Namespace) -> None:
    """Import, or export, as the options say. Raises DataError, FolderError."""
    if options.command == "export":
        count = export(options.predictions, options.query, options.sample, options.out)
        say(f"{options.out}: {count} rows in the sample's order")
    else:
        _import(options)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    return run(options, lambda: work(options))


if __name__ == "__main__":
    raise SystemExit(main())
