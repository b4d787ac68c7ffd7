"""What an engine is given: the images, their shards, and the submission that predicts them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kit.errors import KitError
from kit.predicting.collection import Collection, Part
from kit.predicting.references import ImageReference
from kit.predicting.serving import Setup
from kit.predicting.shard_files import Answer
from kit.wording import counted


@dataclass(frozen=True)
class Job:
    """The images of a collection in order, and how to load the submission."""

    collection: Collection
    images: list[ImageReference]
    setup: Setup
    part: Part

    @property
    def log(self) -> Path:
        """The file that gets what the submission prints."""
        return self.collection.folder / "logs" / f"part-{self.part.name}.log"

    def images_of(self, shard: int) -> list[ImageReference]:
        """Return the images of a shard."""
        return self.images[self.collection.slice_of(shard)]


# Gives the rows of each shard, in any order of the shards.
Engine = Callable[[Job, Iterable[int]], Iterator[tuple[int, Answer]]]


class SubmissionFails(KitError):
    """The submission failed on most images of a shard that can be read."""


def refuse_failing(job: Job, shard: int, answer: Answer) -> None:
    """Stop where a shard is mostly failures: the submission, or an accelerator, is broken.

    A shard that was written would count as done.

    Raises:
        SubmissionFails: the submission failed on more than half of the images that can be read.
    """
    readable = len(answer.errors) - (answer.error_count - answer.faults)
    if 2 * answer.faults > readable:
        pairs = zip(job.images_of(shard), answer.errors, strict=True)
        raise SubmissionFails(
            f"the submission failed on {answer.faults:,} of {counted(readable, 'readable image')} "
            f"of shard {shard}",
            [f"{image.name}: {error}" for image, error in pairs if error][:5],
            f"what it printed is in {job.log}; shards that are done are kept",
        )
