"""The folder that `kit predict` writes: what it is of, and which image is in which shard.

collection.json     the key: digests of all that decides the rows; shard_size
images.parquet      every name and its stamp, in order: what a merged table has to hold
shards/             shard-000000.parquet and so on: filename, prediction or features, error
journal/            which shards are done, a file for each driver (kit/predicting/manifest.py)
logs/               what the submission printed
summary.json        of all shards (kit/predicting/summary.py)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kit.errors import KitError, UsageProblem
from kit.files import replacing, write_json
from kit.predicting.arrow import arrow, read_parquet
from kit.predicting.listing import Listing
from kit.wording import counted

KEY_FILE: Final = "collection.json"
IMAGES_FILE: Final = "images.parquet"
_FORMAT: Final = 1
_SHOWN: Final = 5
# Part of the key, each with the words for a message.
_WORDS: Final = {
    "format": "the format of the folder",
    "kit": "the version of the kit",
    "submission": "the submission's files",
    "program": "the ingestion program",
    "output": "what is written",
    "images": "the images (names and sizes)",
    "metadata": "metadata.csv",
    "shard_size": "the size of the shards",
}


@dataclass(frozen=True)
class Part:
    """Part K of N of the shards: every N-th one."""

    number: int = 1
    of: int = 1

    @property
    def is_all(self) -> bool:
        """Whether it is the whole collection."""
        return self.of == 1

    @property
    def name(self) -> str:
        """Its name in the names of files."""
        return f"{self.number}-of-{self.of}"

    def shards(self, count: int) -> range:
        """Return the shards of this part, of `count` in all."""
        return range(self.number - 1, count, self.of)


@dataclass(frozen=True)
class Collection:
    """A folder of shards and its key."""

    folder: Path
    key: dict[str, Any]

    @property
    def digest(self) -> str:
        """The sha256 of the key; every shard carries it."""
        return hashlib.sha256(json.dumps(self.key, sort_keys=True).encode()).hexdigest()

    @property
    def features(self) -> bool:
        """Whether the rows hold features, not predictions."""
        return bool(self.key["output"] == "features")

    @property
    def image_count(self) -> int:
        """The number of images."""
        return int(self.key["images"]["count"])

    @property
    def shard_size(self) -> int:
        """The number of images in a shard; the last one may have fewer."""
        return int(self.key["shard_size"])

    @property
    def shard_count(self) -> int:
        """The number of shards."""
        return -(-self.image_count // self.shard_size)

    def shard_path(self, shard: int) -> Path:
        """Return the file of a shard."""
        return self.folder / "shards" / f"shard-{shard:06}.parquet"

    def slice_of(self, shard: int) -> slice:
        """Return which of the sorted images a shard holds."""
        return slice(shard * self.shard_size, (shard + 1) * self.shard_size)

    def names(self) -> list[str]:
        """Return the names of all images, as they were listed."""
        return [name for name, _ in read_images(self.folder)]


def open_or_create(folder: Path, key: dict[str, Any], listing: Listing) -> Collection:
    """Return the collection in `folder`, made if there is none. The caller holds the door's lock.

    Raises:
        UsageProblem: the folder holds something else.
        KitError: it holds a collection with another key; every difference is named.
    """
    collection = Collection(folder, {"format": _FORMAT, **key})
    if (folder / KEY_FILE).exists():
        _refuse_changes(read_collection(folder), collection, listing)
        return collection
    strange = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    # A driver that was killed right here leaves the list of images alone.
    if strange and strange != [IMAGES_FILE]:
        raise UsageProblem(f"{folder}: expected a new or empty folder, found {strange[0]}")
    write_images(folder, listing)
    write_json(folder / KEY_FILE, collection.key, "the key of the collection")
    return collection


def read_collection(folder: Path) -> Collection:
    """Read the collection in a folder. Raises UsageProblem where there is none."""
    path = folder / KEY_FILE
    try:
        key = json.loads(path.read_text(encoding="utf-8"))
        complete = _WORDS.keys() <= key.keys() and int(key["images"]["count"]) > 0
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise UsageProblem(
            f"{folder}: expected a folder that `kit predict` wrote; {KEY_FILE}: {error}"
        ) from error
    if not complete:
        raise UsageProblem(f"{path}: expected the keys {', '.join(_WORDS)}")
    return Collection(folder, key)


def differences(old: Collection, new: Collection) -> list[str]:
    """Return a line for each part of the key that differs."""
    return [
        f"{words}: {_shown(old.key[name])} then, {_shown(new.key[name])} now"
        for name, words in _WORDS.items()
        if old.key[name] != new.key[name]
    ]


def _refuse_changes(old: Collection, new: Collection, listing: Listing) -> None:
    problems = differences(old, new)
    if old.key["images"] != new.key["images"]:
        problems += _moved(read_images(old.folder), listing)
    if problems:
        raise KitError(
            f"{old.folder}: cannot be resumed, because what decides the rows has changed",
            problems,
            "restore what it was, or write to a new folder",
        )


def _moved(before: Sequence[tuple[str, str]], listing: Listing) -> list[str]:
    """Say which images vanished, are new or have another size."""
    old, new = dict(before), {image.name: image.stamp for image in listing.images}
    kinds = {
        "vanished": [name for name in old if name not in new],
        "new": [name for name in new if name not in old],
        "changed": [name for name in new if name in old and new[name] != old[name]],
    }
    return [
        f"{counted(len(names), 'image')} {kind}: {', '.join(names[:_SHOWN])}"
        + (", ..." if len(names) > _SHOWN else "")
        for kind, names in kinds.items()
        if names
    ]


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(_shown(one) for one in value.values())
    text = "none" if value is None else str(value)
    return text[:12] if len(text) == 64 else text


def write_images(folder: Path, listing: Listing) -> None:
    """Write the list of all images, in one step."""
    pa = arrow()
    columns = {
        "filename": [image.name for image in listing.images],
        "stamp": [image.stamp for image in listing.images],
    }
    types = pa.schema([("filename", pa.string()), ("stamp", pa.string())])
    with replacing(folder / IMAGES_FILE, "the list of images") as temporary:
        pa.parquet.write_table(pa.table(columns, schema=types), temporary, compression="zstd")


def read_images(folder: Path) -> list[tuple[str, str]]:
    """Return name and stamp of all images, as they were listed. Raises KitError."""
    pa = arrow()
    path = folder / IMAGES_FILE
    try:
        table = read_parquet(path, ["filename", "stamp"])
    except (OSError, pa.ArrowException) as error:
        raise KitError(f"{path}: expected the list of images: {error}") from error
    return list(zip(*(table.column(at).to_pylist() for at in (0, 1)), strict=True))
