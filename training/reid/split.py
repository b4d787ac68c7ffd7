"""Cut a smaller open-set competition out of a database of known individuals.

    python -m training.reid.split --data DIR --out FOLDER
    python -m training.reid.split --data DIR --out FOLDER --new-share 0.2 --query-share 0.2
    python -m training.reid.split --data DIR --out FOLDER --after 2023-01-01
    python -m training.reid.split --data DIR --out FOLDER --hold-out-dataset turtle

DIR holds metadata.csv and its images (training/reid/database.py). FOLDER becomes a competition
bundle, for `kit run NAME --bundle FOLDER`: input_data/development/ holds the queries' images, whose
names tell nothing, and their metadata.csv; reference_data/development/ref.csv says who they are.
train/metadata.csv and train/images/ are the gallery, and all that may be trained on. Images are
copied, or linked to with --link. The same command gives the same folder, whole or resumed;
competition.yaml is written last.

By identity (the default, after the recipe of DS@GT at AnimalCLEF 2025): in each dataset a share of
the individuals that have several images is new, with all of them; of the others a share of the
images are queries, never the last image of an individual. Individuals with one image stay in the
gallery. By time: images of the day --after and later are queries, and an individual without an
earlier image is new. Images without a date stay in the gallery, but those of a new individual are
left out. By dataset: all individuals of a dataset are new; the other datasets are split by
identity. In every split a query that looks like an image of the gallery is left out
(training/reid/look_alikes.py: equal bytes, or a difference hash that differs in few bits).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.common.console import say
from training.common.errors import DataError
from training.common.images import claim, place_image
from training.common.script import parser, run
from training.common.tables import write_table
from training.reid.database import COLUMNS, Database, read_database, read_metadata, value
from training.reid.folders import QUERY_COLUMNS, REFERENCE_COLUMNS
from training.reid.look_alikes import look_alikes
from training.reid.split_bundle import (
    INPUT,
    QUERIES,
    TRUTH,
    write_competition,
    write_programs_and_pages,
)

Rows = NDArray[np.bool_]
NOT_SETTINGS = ("out", "debug", "script")  # options that do not change what is written


@dataclass(frozen=True)
class Split:
    """Which rows of a database go where, (n,) each; a row that is nowhere is left out."""

    gallery: Rows
    known: Rows  # queries of individuals of the gallery
    new: Rows  # queries of individuals that the gallery does not have

    @property
    def query(self) -> Rows:
        return self.known | self.new


def open_set_split(
    database: Database,
    seed: int,
    new_share: float = 0.2,
    query_share: float = 0.2,
    new_datasets: Sequence[str] = (),
    twins: Sequence[Sequence[int]] = (),
) -> Split:
    """Split by identity within each dataset, as the module's docstring says.

    All individuals of `new_datasets` are new. `twins` are groups of rows that look alike: queries
    among them are left out where the gallery has another of the group. The result does not depend
    on the order of the rows. Raises DataError for an unknown dataset or a share outside 0..1.
    """
    _check(database, new_share, query_share, new_datasets)
    rng = np.random.default_rng([seed, 0x5EED])
    known, new = np.zeros((2, len(database)), dtype=np.bool_)
    for dataset in np.unique(database.dataset):
        rows = _by_identity(database, np.flatnonzero(database.dataset == dataset))
        several = [name for name, members in rows.items() if len(members) > 1]
        new_names = set(rng.permutation(several)[: round(new_share * len(several))].tolist())
        for name, members in rows.items():
            wanted = query_share * len(members)
            count = min(int(wanted + rng.random()), len(members) - 1)
            drawn = rng.permutation(members)[:count]
            if dataset in new_datasets or name in new_names:
                new[members] = True
            else:
                known[drawn] = True
    return _without_twins(Split(~known & ~new, known, new), twins)


def time_split(database: Database, after: date, twins: Sequence[Sequence[int]] = ()) -> Split:
    """Make images of the day `after` and later queries, as the module's docstring says.

    Raises DataError for dates that cannot be read, and where no row has one.
    """
    day = _ordinals(database)
    late, undated = day >= after.toordinal(), day == 0
    known, new = np.zeros((2, len(database)), dtype=np.bool_)
    gallery = ~late
    for members in _by_identity(database, np.arange(len(database))).values():
        if (late | undated)[members].all() and late[members].any():
            new[members], gallery[members] = late[members], False
        else:
            known[members] = late[members]
    return _without_twins(Split(gallery, known, new), twins)


def _check(
    database: Database, new_share: float, query_share: float, new_datasets: Sequence[str]
) -> None:
    problems = [
        f"{name}: expected a share of 0 to 1, found {share}"
        for name, share in (("new_share", new_share), ("query_share", query_share))
        if not 0 <= share <= 1
    ]
    found = np.unique(database.dataset).tolist()
    problems += [
        f"dataset {name!r} is not in the database, which has {', '.join(found)}"
        for name in new_datasets
        if name not in found
    ]
    if problems:
        raise DataError("\n  ".join(["the database cannot be split", *problems]))


def _by_identity(database: Database, rows: NDArray[np.int64]) -> dict[str, list[int]]:
    """Rows of each individual; both in an order that does not depend on the table's."""
    ordered = sorted(rows.tolist(), key=lambda row: str(database.image_id[row]))
    groups: dict[str, list[int]] = {str(name): [] for name in np.unique(database.identity[rows])}
    for row in ordered:
        groups[str(database.identity[row])].append(row)
    return groups


def _ordinals(database: Database) -> NDArray[np.int64]:
    """Days since year 1, 0 where there is no date. Raises DataError with all unreadable ones."""
    days, problems = [], []
    for image_id, text in zip(database.image_id, database.date.tolist(), strict=True):
        try:
            days.append(date.fromisoformat(text[:10]).toordinal() if text else 0)
        except ValueError:
            problems.append(f"image_id {image_id}: date {text!r}, expected YYYY-MM-DD")
    if not problems and not any(days):
        problems = ["no image has a date; split by identity instead"]
    if problems:
        raise DataError("\n  ".join(["the database cannot be split by time", *problems]))
    return np.array(days, dtype=np.int64)


def _without_twins(split: Split, twins: Sequence[Sequence[int]]) -> Split:
    dropped = np.zeros(len(split.gallery), dtype=np.bool_)
    for group in twins:
        if split.gallery[list(group)].any():
            dropped[list(group)] = True
    return Split(split.gallery, split.known & ~dropped, split.new & ~dropped)


def write_split(
    data: Path, database: Database, split: Split, out: Path, seed: int, link: bool
) -> None:
    """Write train/ and the bundle's data below `out`; seed: of the queries' order."""
    _, rows = read_metadata(data / "metadata.csv")
    described = {value(row, "image_id"): row for row in rows}
    train, queries, reference = [], [], []
    for row in np.flatnonzero(split.gallery):
        old = described[str(database.image_id[row])]
        path = value(old, "path")
        path = path if path.startswith("images/") else f"images/{path}"
        place_image(database.paths[row], out / "train" / path, link)
        train.append({**old, "path": path, "split": "database"})
    asked = np.random.default_rng([seed, 1]).permutation(np.flatnonzero(split.query))
    for number, row in enumerate(asked):
        name = f"{number:06d}{database.paths[row].suffix.lower()}"
        place_image(database.paths[row], out / INPUT / name, link)
        queries.append({**described[str(database.image_id[row])], "filename": name})
        new = "true" if split.new[row] else "false"
        reference.append({**queries[-1], "new_identity": new})
    write_table(out / "train" / "metadata.csv", COLUMNS, train)
    write_table(out / QUERIES, QUERY_COLUMNS, queries)
    write_table(out / TRUTH, REFERENCE_COLUMNS, reference)
    write_programs_and_pages(out)
    write_competition(out, sorted({row["dataset"] for row in reference}))


def report(database: Database, split: Split) -> list[str]:
    """A line for each dataset, with a warning where it has no known or no new queries."""
    lines = []
    for dataset in np.unique(database.dataset):
        own = database.dataset == dataset
        images = {
            name: int((own & mask).sum())
            for name, mask in (
                ("gallery", split.gallery),
                ("known", split.known),
                ("new", split.new),
            )
        }
        new = len(np.unique(database.identity[own & split.new]))
        left_out = int(own.sum()) - sum(images.values())
        lines.append(
            f"{dataset}: {images['gallery']} images in the gallery, {images['known']} "
            f"queries of known individuals, {images['new']} of {new} new ones, "
            f"{left_out} left out"
        )
        if not (images["known"] and images["new"]):
            lines.append(
                f"{dataset}: no known or no new queries, so this dataset scores 0 for anyone"
            )
    return lines


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    made = parser("training.reid.split", __doc__ or "")
    made.formatter_class = argparse.RawTextHelpFormatter
    made.add_argument("--data", type=Path, required=True, help="folder of metadata.csv")
    made.add_argument("--out", type=Path, required=True, help="new folder")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--new-share", type=float, default=0.2, help="share of new individuals")
    made.add_argument("--query-share", type=float, default=0.2, help="of a known one's images")
    made.add_argument("--after", type=date.fromisoformat, help="split by time, YYYY-MM-DD")
    made.add_argument("--hold-out-dataset", action="append", default=[], metavar="NAME")
    made.add_argument("--near-bits", type=int, default=10, help="of 256, for look-alikes")
    made.add_argument("--link", action="store_true", help="link to the images, copy none")
    options = made.parse_args(arguments)
    if options.after and options.hold_out_dataset:
        made.error("--after and --hold-out-dataset are two kinds of split; give one")
    return options


def work(options: argparse.Namespace) -> None:
    """Split as the options say, and write the folder. Raises DataError, FolderError."""
    database = read_database(options.data)
    twins = look_alikes(database.paths, options.near_bits)
    if options.after:
        split = time_split(database, options.after, twins)
    else:
        shares = options.new_share, options.query_share
        split = open_set_split(database, options.seed, *shares, options.hold_out_dataset, twins)
    say("\n".join(report(database, split)))
    settings = {name: str(one) for name, one in vars(options).items() if name not in NOT_SETTINGS}
    claim(options.out, "split_open_set", settings)
    write_split(options.data, database, split, options.out, options.seed, options.link)
    say(f"{options.out}: train/ and a bundle for `kit run NAME --bundle {options.out}`")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    return run(options, lambda: work(options))


if __name__ == "__main__":
    raise SystemExit(main())
