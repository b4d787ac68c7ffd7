"""Which shards are done: a journal for each driver, a line for each shard.

A line is written when the shard is in its place. A shard that is in no journal, or whose file is
not as its line says, counts as not done and is predicted again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from kit.errors import KitError
from kit.files import writing
from kit.predicting.collection import Collection, Part

_FOLDER: Final = "journal"


@dataclass(frozen=True)
class Done:
    """What the journal says of one shard.

    `written_ns` is the time of its file, by the clock of the file system; `examples` are up to
    three errors, with the image's name.
    """

    shard: int
    rows: int
    errors: int
    bytes: int
    sha256: str
    written_ns: int
    image_bytes: int
    seconds: float
    examples: list[list[str]]


class Journal:
    """The journal of one driver, open for writing."""

    def __init__(self, collection: Collection, part: Part) -> None:
        self._path = collection.folder / _FOLDER / f"part-{part.name}.jsonl"
        self._digest = collection.digest
        with writing(self._path, "the journal"):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._cut_torn_line()

    def _cut_torn_line(self) -> None:
        """Remove what a killed driver left behind the last whole line."""
        if self._path.exists():
            content = self._path.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                os.truncate(self._path, whole)

    def add(self, done: Done) -> None:
        """Write that a shard is done, and wait until it is on the disk."""
        line = json.dumps({"key": self._digest, **asdict(done)}) + "\n"
        with writing(self._path, "the journal"), self._path.open("a", encoding="utf-8") as stream:
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())


def read_journals(collection: Collection) -> dict[int, Done]:
    """Return what all drivers say is done, by shard: the last file that was written of each.

    Lines that were torn are left out.

    Raises:
        KitError: a line is of another collection.
    """
    found: dict[int, Done] = {}
    for path in sorted((collection.folder / _FOLDER).glob("part-*.jsonl")):
        for number, (digest, done) in enumerate(_lines(path), start=1):
            if digest != collection.digest:
                raise KitError(
                    f"{path}: line {number}: expected key {collection.digest[:12]}, "
                    f"found {digest[:12]}: a journal of another collection",
                    hint="move it away; its shards are predicted again",
                )
            other = found.get(done.shard)
            if other is None or other.written_ns <= done.written_ns:
                found[done.shard] = done
    return found


def in_place(collection: Collection, done: dict[int, Done]) -> dict[int, Done]:
    """Return the shards whose file has the size that the journal says."""
    return {shard: line for shard, line in done.items() if _is_whole(collection, line)}


def _is_whole(collection: Collection, line: Done) -> bool:
    try:
        return collection.shard_path(line.shard).stat().st_size == line.bytes
    except OSError:
        return False


def _lines(path: Path) -> Iterator[tuple[str, Done]]:
    for line in path.read_bytes().splitlines():
        try:
            content = json.loads(line)
            digest = str(content.pop("key"))
            done = Done(**content)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        yield digest, done
