"""The engine `local`: one process with the model, shard after shard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from kit.predicting.job import Job
from kit.predicting.references import places_of
from kit.predicting.restarting import Restarting
from kit.predicting.serving import Server
from kit.predicting.shard_files import Answer


def predict_shards(job: Job, shards: Iterable[int]) -> Iterator[tuple[int, Answer]]:
    """Yield the rows of each shard. Raises KitError where the submission cannot be loaded."""
    servers = Restarting(job.setup, job.log)
    try:
        for shard in shards:
            with places_of(job.images_of(shard)) as places:
                answer = servers.run(partial(Server.predict, places=places))
            yield shard, answer
    finally:
        servers.close()
