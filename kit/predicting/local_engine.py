"""The engine `local`: one process with the model, shard after shard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from kit.predicting.job import Job
from kit.predicting.references import places_of
from kit.predicting.serving import Server, ServerDied
from kit.predicting.shard_files import Answer

_ATTEMPTS: Final = 3


def predict_shards(job: Job, shards: Iterable[int]) -> Iterator[tuple[int, Answer]]:
    """Yield the rows of each shard. Raises KitError where the submission cannot be loaded."""
    restarted = _Restarted(job)
    try:
        for shard in shards:
            with places_of(job.images_of(shard)) as places:
                answer = restarted.predict(places)
            yield shard, answer
    finally:
        restarted.close()


class _Restarted:
    """A server that is started again when its process was killed in the middle of a shard."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._started = 0
        self._server: Server | None = None

    def predict(self, places: Sequence[Sequence[object]]) -> Answer:
        """Return the rows of images. Raises ServerDied at the third death on the same images."""
        for attempt in range(1, _ATTEMPTS + 1):
            server = self._running()
            try:
                return server.predict(places)
            except ServerDied:
                self.close()
                if attempt == _ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    def _running(self) -> Server:
        if self._server is None:
            self._started += 1
            home = self._job.work / f"home-{self._started}"
            self._server = Server(self._job.setup, home, self._job.log).__enter__()
        return self._server

    def close(self) -> None:
        """End the process."""
        if self._server is not None:
            self._server.close()
            self._server = None
