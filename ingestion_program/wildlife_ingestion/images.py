"""Find the pictures of INPUT_DIR; open and check one."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from wildlife_ingestion.errors import IngestionError, bullets, counted

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif"})
NEVER_PICTURES = frozenset({"__macosx", "thumbs.db", "desktop.ini"})
METADATA_TABLE = "metadata.csv"

# Now, not at the first picture: by then the submission's folder comes first on sys.path, and its
# modules would be taken for those that Pillow's plugins import.
Image.preinit()


@dataclass(frozen=True)
class Picture:
    """One picture to predict. `place` counts from 1."""

    path: Path
    place: int

    @property
    def name(self) -> str:
        """Return the file name, as metadata.csv and predictions.txt write it."""
        return self.path.name


@dataclass
class Listing:
    """The content of INPUT_DIR: pictures, and the rest with the reason why it is not predicted."""

    pictures: list[Picture] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def list_pictures(input_dir: Path) -> Listing:
    """Sort the entries of `input_dir` by name (code points) into pictures and the rest.

    Raises IngestionError if the folder is missing or holds no picture.
    """
    if not input_dir.is_dir():
        raise IngestionError(f"the folder with the pictures does not exist: {input_dir}")
    listing = Listing()
    for path in sorted(input_dir.iterdir(), key=lambda entry: entry.name):
        if path.name == METADATA_TABLE and path.is_file():
            continue  # read by `read_metadata_rows` where the submission asks for it
        if path.name.startswith(".") or path.name.lower() in NEVER_PICTURES:
            listing.ignored.append(path.name)
        elif path.is_dir():
            listing.skipped.append(_describe_folder(path))
        elif path.exists() and not path.is_file():
            listing.skipped.append(f"{path.name}: not a regular file")
        elif path.suffix.lower() not in EXTENSIONS:
            listing.skipped.append(f"{path.name}: not a picture by its extension")
        else:
            listing.pictures.append(Picture(path, place=len(listing.pictures) + 1))
    if not listing.pictures:
        raise IngestionError(
            f"no picture in {input_dir} (expected files ending in "
            + ", ".join(sorted(EXTENSIONS))
            + " directly in it)."
            + (" Found instead:" + bullets(listing.skipped) if listing.skipped else "")
        )
    return listing


def _describe_folder(folder: Path) -> str:
    held = sum(
        path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")
        for path in folder.rglob("*")
    )
    if not held:
        return f"{folder.name}/: a sub-folder without pictures"
    return (
        f"{folder.name}/: a sub-folder with {counted(held, 'picture')} that will NOT be "
        "predicted; pictures belong at the root of the input"
    )


def print_listing(listing: Listing) -> None:
    """Print how many pictures there are, and what is left out and why."""
    print(f"input: {counted(len(listing.pictures), 'picture')}", flush=True)
    if listing.ignored:
        print("input: ignored " + ", ".join(listing.ignored), flush=True)
    for line in listing.skipped:
        print(f"input: skipped {line}", flush=True)


class UnreadablePicture(Exception):
    """This file is no picture; the text says why."""


def open_picture(picture: Picture) -> Image.Image:
    """Open a picture lazily from bytes in memory, as it is stored: any mode, size and EXIF
    orientation. `filename` holds the path, as after `Image.open(path)`.

    Raises UnreadablePicture if not even the header can be read.
    """
    try:
        picture.name.encode("utf-8")
    except UnicodeEncodeError:
        raise UnreadablePicture("its name is not UTF-8") from None
    try:
        data = picture.path.read_bytes()
    except OSError as error:
        raise UnreadablePicture(f"cannot be read ({error.strerror})") from None
    if not data:
        raise UnreadablePicture("an empty file (0 bytes)")
    try:
        image = Image.open(io.BytesIO(data))
    except UnidentifiedImageError:
        raise UnreadablePicture(f"no known picture format, it begins with {data[:12]!r}") from None
    except Exception as error:  # Pillow's plugins raise whatever the broken bytes lead to
        raise UnreadablePicture(f"cannot be opened ({type(error).__name__}: {error})") from None
    image.filename = str(picture.path)
    return image


def why_undecodable(picture: Picture) -> str | None:
    """Decode a fresh copy in full: return the reason why that fails, or None.

    Tells a broken picture from a fault of the submission: a lazily opened image decodes, and
    breaks, inside the submission's code.
    """
    try:
        open_picture(picture).load()
    except UnreadablePicture as error:
        return str(error)
    except Exception as error:
        return f"cannot be decoded ({error})"
    return None


def read_metadata_rows(input_dir: Path, pictures: Sequence[Picture]) -> dict[str, dict[str, str]]:
    """Return file name -> its row of INPUT_DIR/metadata.csv, for every picture.

    Raises IngestionError if the table is malformed or lacks pictures (all of them named).
    """
    path = input_dir / METADATA_TABLE
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            columns = list(reader.fieldnames or [])
            records = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise IngestionError(f"{METADATA_TABLE} is not a UTF-8 CSV table: {error}") from None
    if "filename" not in columns:
        raise IngestionError(f"{METADATA_TABLE} has no column `filename`; found: {columns}")
    rows: dict[str, dict[str, str]] = {}
    problems: list[str] = []
    for number, record in enumerate(records, start=1):
        name = str(record["filename"])
        if None in record or None in record.values():
            problems.append(f"row {number} ({name}) does not have {len(columns)} fields")
        elif name in rows:
            problems.append(f"row {number}: {name} a second time")
        rows[name] = record
    problems += [f"no row for {item.name}" for item in pictures if item.name not in rows]
    if problems:
        raise IngestionError(
            f"{METADATA_TABLE} does not fit the pictures (expected one whole row for each):"
            + bullets(problems)
        )
    return rows
