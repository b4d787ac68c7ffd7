"""Find the images of INPUT_DIR; open and check one."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from wildlife_ingestion.errors import IngestionError, bullets, counted

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif"})
NEVER_IMAGES = frozenset({"__macosx", "thumbs.db", "desktop.ini"})
METADATA_TABLE = "metadata.csv"

# Now, not at the first image: by then the submission's folder comes first on sys.path, and its
# modules would be taken for those that Pillow's plugins import.
Image.preinit()


@dataclass(frozen=True)
class InputImage:
    """One image to predict. `place` counts from 1."""

    path: Path
    place: int

    @property
    def name(self) -> str:
        """Return the file name, as metadata.csv and predictions.txt write it."""
        return self.path.name


@dataclass
class Listing:
    """The content of INPUT_DIR: images, and the rest with the reason why it is not predicted."""

    images: list[InputImage] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def list_images(input_dir: Path) -> Listing:
    """Sort the entries of `input_dir` by name (code points) into images and the rest.

    Raises IngestionError if the folder is missing or holds no image.
    """
    if not input_dir.is_dir():
        raise IngestionError(f"the folder with the images does not exist: {input_dir}")
    listing = Listing()
    for path in sorted(input_dir.iterdir(), key=lambda entry: entry.name):
        if path.name == METADATA_TABLE and path.is_file():
            continue  # read by `read_metadata_rows` where the submission asks for it
        if path.name.startswith(".") or path.name.lower() in NEVER_IMAGES:
            listing.ignored.append(path.name)
        elif path.is_dir():
            listing.skipped.append(_describe_folder(path))
        elif path.exists() and not path.is_file():
            listing.skipped.append(f"{path.name}: not a regular file")
        elif path.suffix.lower() not in EXTENSIONS:
            listing.skipped.append(f"{path.name}: not an image by its extension")
        else:
            listing.images.append(InputImage(path, place=len(listing.images) + 1))
    if not listing.images:
        raise IngestionError(
            f"no image in {input_dir} (expected files ending in "
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
        return f"{folder.name}/: a sub-folder without images"
    return (
        f"{folder.name}/: a sub-folder with {counted(held, 'image')} that will NOT be "
        "predicted; images belong at the root of the input"
    )


def print_listing(listing: Listing) -> None:
    """Print how many images there are, and what is left out and why."""
    print(f"input: {counted(len(listing.images), 'image')}", flush=True)
    if listing.ignored:
        print("input: ignored " + ", ".join(listing.ignored), flush=True)
    for line in listing.skipped:
        print(f"input: skipped {line}", flush=True)


class UnreadableImage(Exception):
    """This file is no image; the text says why."""


def open_image(source: InputImage) -> Image.Image:
    """Open an image lazily from bytes in memory, as it is stored: any mode, size and EXIF
    orientation. `filename` holds the path, as after `Image.open(path)`.

    Raises UnreadableImage if not even the header can be read.
    """
    try:
        source.name.encode("utf-8")
    except UnicodeEncodeError:
        raise UnreadableImage("its name is not UTF-8") from None
    try:
        data = source.path.read_bytes()
    except OSError as error:
        raise UnreadableImage(f"cannot be read ({error.strerror})") from None
    if not data:
        raise UnreadableImage("an empty file (0 bytes)")
    try:
        image = Image.open(io.BytesIO(data))
    except UnidentifiedImageError:
        raise UnreadableImage(f"no known image format, it begins with {data[:12]!r}") from None
    except Exception as error:  # Pillow's plugins raise whatever the broken bytes lead to
        raise UnreadableImage(f"cannot be opened ({type(error).__name__}: {error})") from None
    image.filename = str(source.path)
    return image


def why_undecodable(source: InputImage) -> str | None:
    """Decode a fresh copy in full: return the reason why that fails, or None.

    Tells a broken image from a fault of the submission: a lazily opened image decodes, and
    breaks, inside the submission's code.
    """
    try:
        open_image(source).load()
    except UnreadableImage as error:
        return str(error)
    except Exception as error:
        return f"cannot be decoded ({error})"
    return None


def read_metadata_rows(input_dir: Path, images: Sequence[InputImage]) -> dict[str, dict[str, str]]:
    """Return file name -> its row of INPUT_DIR/metadata.csv, for every image.

    Raises IngestionError if the table is malformed or lacks images (all of them named).
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
    problems += [f"no row for {item.name}" for item in images if item.name not in rows]
    if problems:
        raise IngestionError(
            f"{METADATA_TABLE} does not fit the images (expected one whole row for each):"
            + bullets(problems)
        )
    return rows
