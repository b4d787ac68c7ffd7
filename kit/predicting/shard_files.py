"""One shard as a Parquet file: written in one step, and checked when it is read."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from kit.files import replacing
from kit.predicting.arrow import arrow, read_parquet
from kit.predicting.collection import Collection
from kit.predicting.manifest import Done
from kit.predicting.references import ImageReference

_KEY: Final = b"kit.collection"
_EXAMPLES: Final = 3


@dataclass(frozen=True)
class Answer:
    """The rows of one shard, in the order of its images.

    Args:
        errors: why an image has no prediction; None where it has one.
        faults: how many of the errors are the submission's, not an unreadable image's.
        predictions: scores or labels, None where there is an error; empty for features.
        features: float32, (rows without an error, width), as bytes.
        width: of a row of features; 0 where no image has any.
        seconds: what it took.
    """

    errors: list[str | None]
    faults: int
    predictions: list[float | str | None]
    features: bytes = b""
    width: int = 0
    seconds: float = 0.0

    @property
    def error_count(self) -> int:
        """The number of images without a prediction."""
        return sum(error is not None for error in self.errors)


def write_shard(
    collection: Collection, shard: int, images: Sequence[ImageReference], answer: Answer
) -> Done:
    """Put the file of a shard in its place, on the disk, and return its line for the journal.

    Raises:
        WriteFailed: the disk is full, or refuses; no half of a file stays.
    """
    content = _parquet(_table(collection, images, answer))
    path = collection.shard_path(shard)
    with replacing(path, "the shard") as temporary, temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    failed = [
        [image.name, error]
        for image, error in zip(images, answer.errors, strict=True)
        if error is not None
    ]
    return Done(
        shard=shard,
        rows=len(images),
        errors=len(failed),
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        written_ns=path.stat().st_mtime_ns,
        image_bytes=sum(max(image.size, 0) for image in images),
        seconds=round(answer.seconds, 3),
        examples=failed[:_EXAMPLES],
    )


def remove_halves(collection: Collection, shards: Sequence[int]) -> None:
    """Remove the temporary files of these shards, which a killed driver left behind.

    The caller holds the part that they belong to: no other driver writes them.
    """
    names = {collection.shard_path(shard).name for shard in shards}
    folder = collection.shard_path(0).parent
    for path in folder.glob(".shard-*.parquet.*.tmp"):
        if path.name[1:].partition(".parquet.")[0] + ".parquet" in names:
            path.unlink(missing_ok=True)


def _table(collection: Collection, images: Sequence[ImageReference], answer: Answer) -> Any:
    pa = arrow()
    values = _features(answer) if collection.features else _predictions(answer)
    columns = {
        "filename": pa.array([image.name for image in images], pa.string()),
        collection.key["output"]: values,
        "error": pa.array(answer.errors, pa.string()),
    }
    return pa.table(columns).replace_schema_metadata({_KEY: collection.digest})


def _predictions(answer: Answer) -> Any:
    pa = arrow()
    given = [value for value in answer.predictions if value is not None]
    if not given:
        return pa.nulls(len(answer.errors))
    return pa.array(answer.predictions, pa.string() if isinstance(given[0], str) else pa.float64())


def _features(answer: Answer) -> Any:
    """Return rows of fixed width, null where an image has an error."""
    import numpy as np

    pa = arrow()
    if not answer.width:
        return pa.nulls(len(answer.errors))
    good = np.array([error is None for error in answer.errors])
    rows = np.zeros((len(good), answer.width), dtype=np.float32)
    rows[good] = np.frombuffer(answer.features, dtype=np.float32).reshape(-1, answer.width)
    return pa.FixedSizeListArray.from_arrays(
        pa.array(rows.ravel()), answer.width, mask=pa.array(~good)
    )


def _parquet(table: Any) -> bytes:
    buffer = io.BytesIO()
    arrow().parquet.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def read_shard(collection: Collection, done: Done) -> Any:
    """Return the table of a shard.

    Raises:
        ValueError: the file is missing, is not the one of the journal, or is of other digests.
    """
    path = collection.shard_path(done.shard)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path.name}: cannot be read ({error.strerror})") from error
    if len(content) != done.bytes or hashlib.sha256(content).hexdigest() != done.sha256:
        raise ValueError(
            f"{path.name}: expected {done.bytes:,} bytes with sha256 {done.sha256[:12]}, found "
            f"{len(content):,} bytes of another content: half a file, or a changed one"
        )
    table = read_parquet(io.BytesIO(content))
    found = (table.schema.metadata or {}).get(_KEY, b"").decode()
    if found != collection.digest:
        raise ValueError(
            f"{path.name}: expected key {collection.digest[:12]}, found {found[:12] or 'none'}"
        )
    return table
