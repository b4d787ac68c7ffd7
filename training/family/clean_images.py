"""Clean a scraped collection with named filters.

    python -m training.family.clean_images --data DIR --dry-run --report runs/cleaning
    python -m training.family.clean_images --data DIR --out CLEAN --skip clip_prompts \\
        --skip person_detector
    python -m training.family.clean_images --undo CLEAN --keep label_noise

--report FOLDER gets a contact sheet for each filter. Where the table has the sample's column
`dirt`, precision and recall of each filter are printed, and go into the report; with --log, into
training/LOG.md too. compare_cleaning.py says what cleaning does to the test score. --out CLEAN
becomes a training folder: train.csv without what was removed, train_test.csv with the images set
aside, images/ (a link to those of DIR), and removed.csv. --undo puts back what all filters but
those of --keep removed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kit.markdown import table
from sample_data.generator_common.images import contact_sheet
from training.common.atomic import replaced_folder, write_bytes, write_text
from training.common.console import say
from training.common.errors import DataError, FolderError
from training.common.log_blocks import log_table
from training.common.script import parser, run
from training.common.submission_files import ROOT
from training.common.tables import read_table, write_table
from training.family.cleaning import Removed, clean, kept_rows
from training.family.collection import (
    COLUMNS,
    IMAGES,
    TABLE,
    Collection,
    family_problems,
    read_collection,
)
from training.family.filters.all_filters import FILTERS, NAMES
from training.family.filters.features import network_features
from training.family.filters.frame import Flags, Given
from training.family.split import TEST_SHARE, split_off

REMOVED, ASIDE, DIRT = "removed.csv", "train_test.csv", "dirt"
REMOVED_COLUMNS = (*COLUMNS, "filter")
_SHOWN, _TILE, _ROW = 60, (110, 110), 10


def rows_of(collection: Collection, rows: Sequence[int], **more: str) -> list[dict[str, str]]:
    """Return rows of a table, with further cells that all of them have."""
    columns = (collection.filenames, collection.family, collection.phylum)
    named = list(zip(COLUMNS, columns, strict=True))
    return [{**{name: str(values[row]) for name, values in named}, **more} for row in rows]


def write_clean(
    collection: Collection, removed: Sequence[Removed], aside: Flags, out: Path
) -> None:
    """Write the cleaned folder in one step. Raises DataError where a family would be empty."""
    kept = kept_rows(len(collection), removed)
    train = np.flatnonzero(kept & ~aside)
    if problems := family_problems(collection.family[train].tolist(), collection.taxonomy):
        head = (
            f"{out}: nothing was written; families cannot be learnt after cleaning, skip a filter"
        )
        raise DataError("\n  ".join([head, *problems]))
    with replaced_folder(out) as fresh:
        (fresh / IMAGES).symlink_to(collection.folder.resolve())
        test = rows_of(collection, np.flatnonzero(kept & aside).tolist())
        gone = [row for one in removed for row in rows_of(collection, one.rows, filter=one.name)]
        write_table(fresh / ASIDE, COLUMNS, test)
        write_table(fresh / REMOVED, REMOVED_COLUMNS, gone)
        write_table(fresh / TABLE, COLUMNS, rows_of(collection, train.tolist()))


def undo(folder: Path, keep: Sequence[str]) -> None:
    """Put removed images back into FOLDER/train.csv, but those of the filters in `keep`."""
    _, gone = read_table(folder / REMOVED, f"{REMOVED} of an earlier cleaning")
    _, train = read_table(folder / TABLE, TABLE)
    # One that is there already came back in an undo that was killed before it wrote removed.csv.
    there = {row["filename"] for row in train}
    returned = [row for row in gone if row["filter"] not in keep]
    back = [row for row in returned if row["filename"] not in there]
    write_table(folder / TABLE, COLUMNS, [*train, *back])
    write_table(folder / REMOVED, REMOVED_COLUMNS, [row for row in gone if row["filter"] in keep])
    say(f"{folder}: {len(back)} images are back")


def dirt_table(removed: Sequence[Removed], dirt: Sequence[str]) -> str:
    """Return precision and recall of each filter against the sample's hidden column.

    Recall is over all dirt, and for each kind the share that the filter finds.
    """
    kinds = sorted(set(dirt) - {""})
    rows = []
    everything = Removed("all together", tuple(r for one in removed for r in one.rows), len(dirt))
    for one in [*removed, everything]:
        found = [dirt[row] for row in one.rows]
        right = sum(kind != "" for kind in found)
        precision = f"{right / len(found):.2f}" if found else "-"
        recall = f"{right / max(sum(kind != '' for kind in dirt), 1):.2f}"
        shares = [f"{found.count(kind) / dirt.count(kind):.2f}" for kind in kinds]
        rows.append([one.name, str(len(found)), precision, recall, *shares])
    return "\n".join(table(("filter", "removed", "precision", "recall", *kinds), rows))


def write_report(collection: Collection, removed: Sequence[Removed], out: Path) -> None:
    """Write a contact sheet for each filter."""
    for one in removed:
        shown = [collection.paths[row].read_bytes() for row in one.rows[:_SHOWN]]
        if shown:
            lines = [shown[k : k + _ROW] for k in range(0, len(shown), _ROW)]
            write_bytes(out / f"{one.name}.jpg", contact_sheet(lines, _TILE))


def read_dirt(data: Path) -> list[str]:
    """Return the column `dirt` of the sample's table, "" for a clean image; [] without one."""
    columns, rows = read_table(data / TABLE, TABLE)
    return [row[DIRT] for row in rows] if DIRT in columns else []


def write_dirt_table(options: argparse.Namespace, removed: Sequence[Removed]) -> None:
    """Print precision and recall where the data has the sample's column; keep them where asked.

    Raises DataError where --log is asked of data without the column.
    """
    dirt = read_dirt(options.data)
    if options.log and not dirt:
        raise DataError(f"{options.data / TABLE}: --log needs the sample's column {DIRT!r}")
    if dirt:
        text = dirt_table(removed, dirt)
        say(text)
        if options.report:
            write_text(options.report / "filters.md", text + "\n")
        if options.log:
            log_table("family-filters", text)


def _names(path: Path) -> list[str]:
    """Return the names of a file, one a line; a name may hold spaces."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return [line.strip() for line in lines if line.strip()]


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    made = parser("training.family.clean_images", __doc__ or "")
    made.formatter_class = argparse.RawDescriptionHelpFormatter
    made.add_argument("--data", type=Path, default=ROOT / "sample_data" / "family" / "train")
    made.add_argument("--out", type=Path, help="the cleaned training folder to make")
    made.add_argument("--report", type=Path, help="folder of contact sheets and tables")
    made.add_argument("--dry-run", action="store_true", help="write nothing but the report")
    made.add_argument("--log", action="store_true", help="write the table into training/LOG.md")
    for name in ("only", "keep"):
        made.add_argument(f"--{name}", action="append", default=[], choices=NAMES)
    made.add_argument("--undo", type=Path, metavar="CLEAN", help="put images back there")
    add_filter_options(made)
    made.add_argument(
        "--test-share", type=float, default=TEST_SHARE, help="set aside before all filters"
    )
    made.add_argument("--seed", type=int, default=0)
    return made.parse_args(arguments)


def add_filter_options(made: argparse.ArgumentParser) -> None:
    """Add the options that say what the filters are given, and which one is left out."""
    made.add_argument("--skip", action="append", default=[], choices=NAMES)
    made.add_argument("--allow", type=Path, help="file of names that colour_mode keeps, one a line")
    made.add_argument("--clip", type=Path, help="folder of an open_clip model")
    made.add_argument("--person-detector", type=Path, help="file of torchvision's weights")


def given_of(options: argparse.Namespace, collection: Collection) -> Given:
    """Return what filters are given by `add_filter_options`; the seed is 0."""
    allowed = frozenset(_names(options.allow) if options.allow else ())
    return Given(collection, network_features, 0, allowed, options.clip, options.person_detector)


def work(options: argparse.Namespace) -> None:
    """Clean, or undo. Raises DataError, FolderError, FilterUnavailable."""
    if options.undo:
        undo(options.undo, options.keep)
        return
    if not (options.out or options.dry_run):
        raise FolderError(
            "expected --out FOLDER or --dry-run: cleaning never changes --data itself"
        )
    collection = read_collection(options.data)
    given = replace(given_of(options, collection), seed=options.seed)
    chosen = [one for one in FILTERS
              if one.name not in options.skip and one.name in (options.only or NAMES)]  # fmt: skip
    aside = split_off(collection.family, options.seed, options.test_share)
    removed = clean(given, chosen, aside, say)
    if options.report:
        write_report(collection, removed, options.report)
    write_dirt_table(options, removed)
    if options.out and not options.dry_run:
        write_clean(collection, removed, aside, options.out)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the options, clean and return the exit status."""
    options = parse(arguments)
    return run(options, lambda: work(options))


if __name__ == "__main__":
    raise SystemExit(main())
