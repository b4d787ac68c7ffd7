"""`kit merge`: one table of all shards, after a check that they are all there and fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.errors import KitError
from kit.files import replacing
from kit.predicting.arrow import arrow
from kit.predicting.collection import Collection, Part, differences, read_collection
from kit.predicting.locks import locked
from kit.predicting.manifest import Done, read_journals
from kit.predicting.shard_files import read_shard
from kit.wording import counted
from kit.zips import sha256_of

_NAMES = 3  # shown of many


@dataclass(frozen=True)
class Merged:
    """The file that was written."""

    path: Path
    rows: int
    errors: int
    shards: int
    sha256: str
    collection: Collection

    def as_json(self) -> dict[str, Any]:
        """Return it as `kit merge --json` prints it."""
        return {
            "format": 1,
            "file": str(self.path),
            "output": self.collection.key["output"],
            "rows": self.rows,
            "errors": self.errors,
            "shards": self.shards,
            "bytes": self.path.stat().st_size,
            "sha256": self.sha256,
            "key": self.collection.digest,
        }


def merge(folders: Sequence[Path], out: Path | None) -> Merged:
    """Write one Parquet file with a row for each image, sorted by name.

    Args:
        folders: of `kit predict`; several where parts were written on machines without a common
            file system.
        out: the file. Default: predictions.parquet or features.parquet in the first folder.

    Raises:
        UsageProblem: a folder is not of `kit predict`.
        FolderBusy: a driver writes to one of them.
        KitError: shards are missing, damaged, of other digests, or hold other rows than the list
            of images says; every problem is named, and nothing is written.
    """
    arrow()
    collections = [read_collection(folder) for folder in folders]
    with ExitStack() as stack:
        for collection in collections:
            stack.enter_context(locked(collection.folder, Part()))
        _refuse_others(collections)
        found, problems = _shards_of(collections)
        first = collections[0]
        names = "features" if first.features else "predictions"
        target = out or first.folder / f"{names}.parquet"
        return _write(target, first, found, problems)


def _refuse_others(collections: Sequence[Collection]) -> None:
    first = collections[0]
    problems = [
        f"{other.folder}: {line}" for other in collections[1:] for line in differences(first, other)
    ]
    if problems:
        raise KitError(
            f"expected parts of one collection, found others than {first.folder}", problems
        )


def _shards_of(
    collections: Sequence[Collection],
) -> tuple[dict[int, tuple[Collection, Done]], list[str]]:
    """Return for each shard the folder that has it, and the problems."""
    found: dict[int, tuple[Collection, Done]] = {}
    problems = []
    for collection in collections:
        for shard, done in read_journals(collection).items():
            other = found.setdefault(shard, (collection, done))
            if other[1].sha256 != done.sha256:
                folders = f"{other[0].folder} and {collection.folder}"
                problems.append(f"shard {shard}: {folders} hold different rows; remove one")
    count = collections[0].shard_count
    missing = [shard for shard in range(count) if shard not in found]
    if missing:
        shown = ", ".join(str(shard) for shard in missing[:_NAMES])
        more = ", ..." if len(missing) > _NAMES else ""
        of_all = f"{len(missing):,} of {counted(count, 'shard')}"
        problems.append(f"not done: {of_all} (shard {shown}{more})")
    return found, problems


def _write(
    target: Path,
    first: Collection,
    found: dict[int, tuple[Collection, Done]],
    problems: list[str],
) -> Merged:
    names = first.names()
    errors = 0
    with replacing(target, "the merged table") as temporary:
        schema = _schema(first, found.values())
        with arrow().parquet.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for shard in sorted(found):
                collection, done = found[shard]
                try:
                    table = read_shard(collection, done)
                    _check_rows(table, names[collection.slice_of(shard)], done)
                    writer.write_table(table.replace_schema_metadata(None).cast(schema))
                except ValueError as error:  # pyarrow's ArrowInvalid is one
                    problems.append(f"shard {shard}: {error}")
                errors += done.errors
        if problems:
            raise KitError(
                f"{first.folder}: expected every shard once, as its journal says",
                problems,
                "run `kit predict` for these shards again (remove damaged files first), then "
                "`kit merge`",
            )
    return Merged(target, len(names), errors, len(found), sha256_of(target), first)


def _check_rows(table: Any, names: list[str], done: Done) -> None:
    """Raise ValueError unless a shard holds the rows of its images: all, sorted, each once."""
    held = table.column("filename").to_pylist()
    if held == names:
        return
    missing = sorted(set(names) - set(held))[:_NAMES]
    others = sorted(set(held) - set(names))[:_NAMES]
    raise ValueError(
        f"expected the rows of its {len(names):,} images in order, found {len(held):,} rows; "
        f"missing: {missing}, not of this shard: {others}"
    )


def _schema(first: Collection, found: Any) -> Any:
    """Return the columns of the merged table: the type that the shards with predictions have."""
    pa = arrow()
    column = first.key["output"]
    types = [kind for kind in _types(found, column) if not pa.types.is_null(kind)]
    kind = types[0] if types else pa.null()
    return pa.schema([("filename", pa.string()), (column, kind), ("error", pa.string())])


def _types(found: Any, column: str) -> Iterator[Any]:
    pa = arrow()
    for collection, done in found:
        try:
            yield pa.parquet.read_schema(collection.shard_path(done.shard)).field(column).type
        except (OSError, KeyError, ValueError):
            continue  # read_shard says what is wrong with it
