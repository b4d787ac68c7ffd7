"""Read the family track's training data: a table of images, their family and their phylum.

FOLDER/train.csv has the columns filename, family, phylum, and any others, which are not read;
images are in FOLDER/images. Everything that is wrong is said at once.

The column `phylum` holds whichever group above the family the data has: phyla in a collection of
all animals, orders in one of birds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection as Names
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.common.console import say
from training.common.errors import DataError
from training.common.images import UNREADABLE
from training.common.tables import Row, is_ragged, read_table

TABLE, IMAGES = "train.csv", "images"
COLUMNS = ("filename", "family", "phylum")
FEWEST = 2  # images of a family: one to learn from and one to validate with
TAXONOMY_HELP = "table (family, phylum) that the labels have to agree with"
RAGGED = "has more or fewer fields than the header"
_SMALL = 64  # pixels; a JPEG is decoded at reduced scale, which finds damage as well

Line = tuple[int, Row]  # the line of the table's file, and its row


@dataclass(frozen=True)
class Collection:
    """Images of known families, one row each; every array is (n,), in the table's order.

    `folder` is the one that holds the images; `mode` is Pillow's name of each file's colour mode
    ("" where the images were not opened).
    """

    folder: Path
    filenames: NDArray[np.str_]
    family: NDArray[np.str_]
    phylum: NDArray[np.str_]
    mode: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.filenames)

    @property
    def paths(self) -> list[Path]:
        """The images, in the order of the rows."""
        return [self.folder / str(name) for name in self.filenames]

    @property
    def taxonomy(self) -> dict[str, str]:
        """Family -> phylum, families in alphabetical order."""
        pairs = zip(self.family.tolist(), self.phylum.tolist(), strict=True)
        return dict(sorted(set(pairs)))

    def rows(self, kept: NDArray[np.bool_] | NDArray[np.intp]) -> Collection:
        """Return the collection of some rows, by a mask (n,) or by indices."""
        parts = (self.filenames, self.family, self.phylum, self.mode)
        return Collection(self.folder, *(one[kept] for one in parts))


def read_collection(
    folder: Path, taxonomy: Mapping[str, str] | None = None, open_images: bool = True
) -> Collection:
    """Read FOLDER/train.csv with images in FOLDER/images.

    A CMYK image is no error, because collections hold photographs that are: the served code turns
    it into RGB, and the filter `colour_mode` removes it.

    Args:
        folder: of the training data.
        taxonomy: family -> phylum; every row has to agree with it. Without one, any family may
            stand in the table, and its rows have to agree with each other.
        open_images: whether to open every image, so that damaged ones are found too.

    Raises DataError with all that is wrong: columns, rows, labels, families of one image, an image
    that is missing, damaged, or in two rows.
    """
    table, images = folder / TABLE, folder / IMAGES
    columns, found = read_table(table, f"{TABLE} and {IMAGES}/ in the data folder")
    if missing := [name for name in COLUMNS if name not in columns]:
        raise DataError(f"{table}: columns {missing} are missing; found {columns}")
    lines = list(enumerate(found, start=2))
    whole = [(line, row) for line, row in lines if not is_ragged(row)]
    modes, damaged = _opened(whole, images) if open_images else ([""] * len(whole), [])
    problems = [
        *(f"line {line}: {RAGGED}" for line, row in lines if is_ragged(row)),
        *_row_problems(whole, images),
        *damaged,
        *_label_problems(whole, taxonomy),
        *_table_problems(whole),
    ]
    if problems:
        head = f"{table}: {len(problems)} problem(s), nothing was read"
        raise DataError("\n  ".join([head, *problems]))
    filenames, family, phylum = (
        np.array([row[name].strip() for _, row in whole]) for name in COLUMNS
    )
    return Collection(images, filenames, family, phylum, np.array(modes))


def read_known(folder: Path, taxonomy: Path | None = None) -> Collection:
    """Read a collection whose labels have to agree with a table of families and phyla, if given.

    Says which families of the table have no image: a network that is trained on the collection
    cannot name them. Raises DataError as `read_collection` and `read_taxonomy` do.
    """
    if taxonomy is None:
        return read_collection(folder)
    known = read_taxonomy(taxonomy)
    found = read_collection(folder, known)
    if never := sorted(set(known) - set(found.taxonomy)):
        say(f"note: no image of {len(never)} families, never named: {', '.join(never)}")
    return found


def read_taxonomy(table: Path) -> dict[str, str]:
    """Read family -> phylum from a table with these two columns. Raises DataError."""
    columns, rows = read_table(table, "a table with the columns family and phylum")
    if gone := [name for name in COLUMNS[1:] if name not in columns]:
        raise DataError(f"{table}: columns {gone} are missing; found {columns}")
    whole = [(line, row) for line, row in enumerate(rows, start=2) if not is_ragged(row)]
    problems = [f"line {line}: {RAGGED}" for line, row in enumerate(rows, start=2)
                if is_ragged(row)]  # fmt: skip
    problems += _label_problems(whole, None)
    if problems:
        raise DataError("\n  ".join([f"{table}: {len(problems)} problem(s)", *problems]))
    return {row["family"].strip(): row["phylum"].strip() for _, row in whole}


def family_problems(family: Iterable[str], wanted: Names[str] = ()) -> list[str]:
    """Name each family that cannot be learnt: fewer than 2 images, or none of a wanted one.

    family: the family of each image; wanted: families that have to be there.
    """
    counts = Counter(family)
    gone = sorted(set(wanted) - set(counts))
    problems = [f"family {name!r} has no image" for name in gone]
    for name, count in sorted(counts.items()):
        if name and count < FEWEST:
            problems.append(f"family {name!r} has one image; add another or remove its row")
    return problems


def _row_problems(lines: Sequence[Line], images: Path) -> Iterator[str]:
    if not lines:
        yield "no rows"
    for line, row in lines:
        name = row["filename"].strip()
        for column in COLUMNS:
            text = row[column].strip()
            if not text or not text.isprintable():
                yield f"line {line}: {column} is {row[column]!r}, expected a name"
        if name and not _inside(name):
            yield f"line {line}: filename {name!r}: expected a path below {images}"
        elif name and not (images / name).is_file():
            yield f"line {line}: image {name!r} is not in {images}"


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _label_problems(lines: Sequence[Line], taxonomy: Mapping[str, str] | None) -> Iterator[str]:
    phyla: dict[str, set[str]] = defaultdict(set)
    for line, row in lines:
        family, phylum = row["family"].strip(), row["phylum"].strip()
        if taxonomy is None:
            phyla[family].add(phylum)
        elif family and family not in taxonomy:
            yield f"line {line}: family {family!r} is not in the taxonomy"
        elif family and taxonomy[family] != phylum:
            expected = taxonomy[family]
            yield f"line {line}: {family} is of {expected!r} by the taxonomy, found {phylum!r}"
    for family, names in sorted(phyla.items()):
        if family and len(names) > 1:
            yield f"family {family!r} is in the phyla {sorted(names)}; expected one"


def _table_problems(lines: Sequence[Line]) -> Iterator[str]:
    seen: dict[str, list[int]] = defaultdict(list)
    spelled: dict[str, str] = {}
    for line, row in lines:
        name = row["filename"].strip()
        # Folded, for file systems on which a.jpg and A.JPG are one file.
        seen[name.casefold()].append(line)
        spelled.setdefault(name.casefold(), name)
    for folded, where in seen.items():
        if folded and len(where) > 1:
            name, rows = spelled[folded], ", ".join(map(str, where))
            yield f"image {name!r} is in {len(where)} rows: lines {rows}"
    families = [row["family"].strip() for _, row in lines]
    yield from family_problems(families)
    if lines and len(set(families)) < 2:
        yield f"one family ({families[0]!r}); at least 2 are needed"


def _opened(lines: Sequence[Line], images: Path) -> tuple[list[str], list[str]]:
    """Return the colour mode of each image, and what is wrong with damaged ones."""
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda one: _open(images, one), lines))
    modes = [mode for mode, _ in found]
    return modes, [problem for _, problem in found if problem]


def _open(images: Path, one: Line) -> tuple[str, str]:
    line, row = one
    name = row["filename"].strip()
    if not name or not _inside(name) or not (images / name).is_file():
        return "", ""  # said by _row_problems
    try:
        with Image.open(images / name) as image:
            mode = image.mode
            image.draft(mode, (_SMALL, _SMALL))
            image.load()
        return mode, ""
    except UNREADABLE as error:
        return "", f"line {line}: image {name!r} cannot be read: {error}"
