"""Which images: a folder, a text file of paths, tar shards (WebDataset) or Parquet files.

Every image has a name, which is unique and decides the order (code points), and a stamp, which
changes whenever the file does as far as its size tells.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kit.errors import KitError, UsageProblem
from kit.predicting.parquet_images import list_parquet
from kit.predicting.references import ImageReference
from kit.predicting.tar_images import list_tar
from kit.trees import Kind, walk

# As the ingestion program has them (wildlife_ingestion/images.py); a test compares.
SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif")
_SHARDS: Final = {".tar": "tar shards", ".parquet": "Parquet files"}
_NO_FILE: Final = (Kind.PIPE, Kind.SOCKET, Kind.DEVICE, Kind.LOOP, Kind.MANY, Kind.NAME)


@dataclass
class Listing:
    """The images, sorted by name; what is left out, and why; the folder of a metadata.csv."""

    images: list[ImageReference]
    left_out: list[str] = field(default_factory=list)
    metadata_folder: Path | None = None

    @property
    def digest(self) -> str:
        """The sha256 of all names and stamps."""
        digest = hashlib.sha256()
        for image in self.images:
            digest.update(f"{image.name}\0{image.stamp}\n".encode())
        return digest.hexdigest()


def list_images(path: Path) -> Listing:
    """List the images at `path`.

    Raises:
        UsageProblem: there is nothing at `path`, no image in it, or not one kind of thing.
        KitError: a shard is damaged, or two images have one name; all are named.
    """
    if path.is_dir():
        listing = _list_folder(path)
    elif not path.is_file():
        raise UsageProblem(f"{path}: expected a folder, a list or shards of images, found nothing")
    elif path.suffix.lower() in _SHARDS:
        listing = _list_shards([path], [])
    else:
        listing = Listing(_list_of_paths(path))
    if not listing.images:
        raise UsageProblem(f"{path}: no image in it (expected {', '.join(SUFFIXES)})")
    listing.images.sort(key=lambda image: image.name)
    _refuse_bad_names(path, listing.images)
    return listing


def _list_folder(folder: Path) -> Listing:
    images: list[ImageReference] = []
    shards: list[Path] = []
    left_out: list[str] = []
    for item in walk(folder, wanted=_is_shown):
        suffix = item.path.suffix.lower()
        if suffix in _SHARDS:
            shards.append(item.path)
        elif suffix not in SUFFIXES:
            continue
        elif item.kind in _NO_FILE:
            left_out.append(f"{item.name!r}: {item.kind.value}")
        else:
            images.append(_reference(item.name, item.path))
    if images:
        has_table = (folder / "metadata.csv").is_file()
        return Listing(images, left_out, folder if has_table else None)
    if len({path.suffix.lower() for path in shards}) > 1:
        raise UsageProblem(f"{folder}: holds {' and '.join(_SHARDS.values())}; name one kind")
    return _list_shards(shards, left_out)


def _is_shown(name: str) -> bool:
    last = name.rpartition("/")[2]
    return not last.startswith(".") and last != "__MACOSX"


def _reference(name: str, path: Path) -> ImageReference:
    """Return a reference to a whole file; one that is not there is an error in its row later."""
    try:
        size = path.stat().st_size
    except OSError:
        size = -1
    return ImageReference(name, str(path.absolute()), size, str(size))


def _list_of_paths(path: Path) -> list[ImageReference]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageProblem(
            f"{path}: expected a text file with a path on each line, in UTF-8; {error}"
        ) from error
    names = [line.strip() for line in text.splitlines() if line.strip()]
    if bad := [name for name in names if not name.isprintable()]:
        raise UsageProblem(f"{path}: expected a path on each line", [repr(n)[:80] for n in bad])
    return [_reference(name, path.parent / name) for name in names]


def _is_image(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES and _is_shown(name)


def _list_shards(paths: Sequence[Path], left_out: list[str]) -> Listing:
    readers: dict[str, Callable[[Path], Iterator[ImageReference]]] = {
        ".tar": lambda path: list_tar(path, _is_image, left_out),
        ".parquet": list_parquet,
    }
    images: list[ImageReference] = []
    problems: list[str] = []
    for path in paths:
        try:
            images.extend(readers[path.suffix.lower()](path))
        except (tarfile.TarError, OSError, ValueError) as error:
            problems.append(f"{path}: {error}")
    if problems:
        raise KitError(
            "expected whole shards of images, found damaged ones",
            problems,
            "make or download these files again; nothing was predicted",
        )
    return Listing(images, left_out)


def _refuse_bad_names(path: Path, images: Sequence[ImageReference]) -> None:
    # Bytes that are not UTF-8 reach Python as lone surrogates, which no table can hold.
    if bad := [repr(i.name) for i in images if any("\ud800" <= c <= "\udfff" for c in i.name)]:
        raise KitError(f"{path}: expected names in UTF-8", bad, "rename these")
    counts = Counter(image.name for image in images)
    if twice := [f"{name}: {count} times" for name, count in counts.items() if count > 1]:
        raise KitError(
            f"{path}: expected each name once, because the name tells whose prediction it is",
            twice,
            "keep one of each, rename the others, or predict shards that repeat names separately",
        )
