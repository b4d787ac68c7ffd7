"""The engine `ray`: Ray Data schedules, moves blocks, restarts what died and holds back.

Two stages, each an actor pool: images are opened and preprocessed in the first, the model predicts
in the second, one actor for each accelerator, or for each group of cores where the cluster has
none. An actor loads the submission once, in a process of its own (kit/predicting/serving.py).
Rows come back to the driver, which writes the shards.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import takewhile
from typing import Any, Final

from kit.errors import KitError
from kit.predicting.arrow import ray_data
from kit.predicting.job import Job
from kit.predicting.ray_actors import Predicting, Preparing, Recipe, facts_of
from kit.predicting.serving import answer_of
from kit.predicting.shard_files import Answer
from kit.zips import tree_entries, write_zip

# Images that travel together: about this many, in whole batches of the model.
_CHUNK: Final = 64
_CORES: Final = 8  # of an actor without an accelerator
_REASONS: Final = 5  # lines of an error of Ray's
_MOST_BLOCKS: Final = 20_000
Chunks = dict[int, tuple[dict[str, Any], bytes]]


def predict_shards(
    address: str | None, job: Job, shards: Iterable[int]
) -> Iterator[tuple[int, Answer]]:
    """Yield the rows of each shard, in the order in which they are complete.

    Args:
        address: of a cluster; None starts Ray here for this run.
        job: what is predicted.
        shards: which shards.

    Raises:
        PackageMissing: Ray is not installed.
        KitError: the cluster cannot be reached, or gave up; or the submission cannot be loaded.
    """
    ray = ray_data()
    with _output_as_errors():
        try:
            _connect(ray, address)
            yield from _rows(ray, job, shards)
        except ray.exceptions.RayError as error:
            raise KitError(
                "Ray gave up",
                reasons_of(str(error)),
                "shards that are done are kept; the same command resumes",
            ) from error
        finally:
            ray.shutdown()


def reasons_of(text: str) -> list[str]:
    """Return what a text of Ray's ends with, or the message of the kit that stands in it."""
    lines = [line for line in text.splitlines() if line.strip()]
    kit_error = f"{KitError.__module__}.{KitError.__name__}: "
    starts = [number for number, line in enumerate(lines) if kit_error in line]
    if not starts:
        return lines[-_REASONS:]
    first = lines[starts[0]].partition(kit_error)[2]
    return [first, *takewhile(lambda line: line.startswith(" "), lines[starts[0] + 1 :])]


@contextmanager
def _output_as_errors() -> Iterator[None]:
    """Let what is printed go to standard error: threads of Ray say that a worker has died."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def _connect(ray: Any, address: str | None) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # to standard error; Ray keeps logs
    logging.getLogger("ray").setLevel(logging.ERROR)
    # Ray Data logs the traceback of what ends a run; the message of the kit has its reason.
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    options: dict[str, Any] = {} if address else {"include_dashboard": False}
    try:
        ray.init(address or "local", log_to_driver=False, logging_level="ERROR", **options)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        what = f"the Ray cluster at {address} cannot be reached" if address else "Ray cannot start"
        raise KitError(f"{what}: {error}") from error
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False


def _rows(ray: Any, job: Job, shards: Iterable[int]) -> Iterator[tuple[int, Answer]]:
    recipe = _recipe(ray, job)
    accelerators = int(ray.cluster_resources().get("GPU", 0))
    device = {"num_gpus": 1} if accelerators else {"num_cpus": 0}
    probe = ray.remote(facts_of).options(**device)
    facts = ray.get(probe.remote(recipe))
    if "failed" in facts:
        raise KitError(str(facts["failed"]))
    chunk = facts["batch_size"] * max(1, _CHUNK // facts["batch_size"])
    items = [item for shard in shards for item in _items(job, shard, chunk)]
    # No CPUs are reserved: an actor has its node's cores in common with the other stage, and on
    # nodes of one core reserved parts of it left actors waiting for ever.
    groups = _groups_of_cores(ray)
    prepared = ray.data.from_items(items, override_num_blocks=min(len(items), _MOST_BLOCKS))
    prepared = _stage(ray, prepared, Preparing, recipe, groups, {"num_cpus": 0})
    predicted = _stage(ray, prepared, Predicting, recipe, accelerators or groups, device)
    yield from _whole_shards(job, predicted.iter_rows(), chunk)


def _stage(
    ray: Any, rows: Any, actor: type, recipe: Recipe, most: int, device: dict[str, int]
) -> Any:
    """Add a pool of 1 to `most` actors, spread over the nodes."""
    return rows.map_batches(
        actor,
        batch_size=1,
        batch_format="pyarrow",  # NumPy's strings of bytes end at their last byte that is not 0
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=most),
        fn_constructor_kwargs={"recipe": recipe},
        **device,
    )


def _groups_of_cores(ray: Any) -> int:
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return sum(max(1, int(resources.get("CPU", 0)) // _CORES) for resources in nodes)


def _recipe(ray: Any, job: Job) -> Recipe:
    """Return what an actor needs to load the submission on another machine."""
    archive = job.setup.work / "submission-for-ray.zip"
    write_zip(tree_entries(job.setup.submission), archive)
    metadata = job.setup.metadata_folder
    return Recipe(
        submission=ray.put(archive.read_bytes()),
        program_digest=job.collection.key["program"],
        kind=job.setup.kind,
        features=job.setup.features,
        metadata_folder=str(metadata) if metadata else None,
        cores=_CORES,
    )


def _items(job: Job, shard: int, chunk: int) -> Iterator[dict[str, Any]]:
    images = job.images_of(shard)
    for first in range(0, len(images), chunk):
        some = [asdict(image) for image in images[first : first + chunk]]
        yield {"shard": shard, "first": first, "images": json.dumps(some)}


def _whole_shards(
    job: Job, rows: Iterable[dict[str, Any]], chunk: int
) -> Iterator[tuple[int, Answer]]:
    """Yield each shard when its last chunk has come."""
    begun: dict[int, Chunks] = defaultdict(dict)
    started = time.perf_counter()
    for row in rows:
        shard = int(row["shard"])
        begun[shard][int(row["first"])] = (json.loads(row["content"]), row["payload"])
        if len(begun[shard]) == -(-len(job.images_of(shard)) // chunk):
            seconds = time.perf_counter() - started
            yield shard, _joined(begun.pop(shard), seconds)


def _joined(chunks: Chunks, seconds: float) -> Answer:
    answers = [answer_of(*chunks[first], seconds) for first in sorted(chunks)]
    return Answer(
        errors=[error for one in answers for error in one.errors],
        faults=sum(one.faults for one in answers),
        predictions=[value for one in answers for value in one.predictions],
        features=b"".join(one.features for one in answers),
        width=max(one.width for one in answers),
        seconds=seconds,
    )
