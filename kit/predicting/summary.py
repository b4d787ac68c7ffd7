"""What a command of `kit predict` did, and what the collection holds after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from kit.files import write_json
from kit.predicting.collection import Collection, Part
from kit.predicting.manifest import Done

FILE_NAME: Final = "summary.json"
_EXAMPLES: Final = 20


@dataclass
class Summary:
    """Numbers of this part's shards.

    `before` counts the shards that an earlier command did, `now` those of this one, in `seconds`.
    """

    collection: Collection
    submission: str
    engine: str
    part: Part
    done: Mapping[int, Done]
    before: int
    now: int
    seconds: float
    predicted_now: int
    total_done: int
    left_out: list[str] = field(default_factory=list)

    @property
    def images(self) -> int:
        """The rows of this part."""
        return sum(line.rows for line in self.done.values())

    @property
    def errors(self) -> int:
        """The rows of this part without a prediction."""
        return sum(line.errors for line in self.done.values())

    @property
    def ok(self) -> bool:
        """Whether any image has a prediction; an unreadable one is no failure."""
        return self.images > self.errors or not self.images

    @property
    def complete(self) -> bool:
        """Whether the shards of all parts are done."""
        return self.total_done == self.collection.shard_count

    @property
    def examples(self) -> list[list[str]]:
        """The first errors, each a name and a reason."""
        found = [pair for shard in sorted(self.done) for pair in self.done[shard].examples]
        return found[:_EXAMPLES]

    def as_json(self) -> dict[str, Any]:
        """Return it as `kit predict --json` prints it."""
        return {
            "format": 1,
            "ok": self.ok,
            "folder": str(self.collection.folder),
            "submission": self.submission,
            "output": self.collection.key["output"],
            "engine": self.engine,
            "part": {"number": self.part.number, "of": self.part.of},
            "complete": self.complete,
            "shards": {
                "total": self.collection.shard_count,
                "of_part": len(self.done),
                "before": self.before,
                "now": self.now,
            },
            "images": self.images,
            "predicted": self.images - self.errors,
            "errors": self.errors,
            "image_bytes": sum(line.image_bytes for line in self.done.values()),
            "bytes": sum(line.bytes for line in self.done.values()),
            "seconds": round(self.seconds, 3),
            "images_per_second": round(self.predicted_now / self.seconds, 3) if self.now else None,
            "examples": [{"filename": name, "error": error} for name, error in self.examples],
            "left_out": self.left_out,
        }

    def write(self) -> Path:
        """Write summary.json, or that of the part, and return its path."""
        name = FILE_NAME if self.part.is_all else f"summary-{self.part.name}.json"
        path = self.collection.folder / name
        write_json(path, self.as_json(), "the summary")
        return path
