"""`kit predict`: a submission over many images, each shard done exactly once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kit
from kit.contract import PREDICTION_OF_TRACK
from kit.digests import digests_of
from kit.files import writing
from kit.predicting.arrow import arrow
from kit.predicting.collection import Part, open_or_create
from kit.predicting.job import Engine, Job, refuse_failing
from kit.predicting.listing import Listing, list_images
from kit.predicting.locks import door, locked
from kit.predicting.manifest import Done, Journal, in_place, read_journals
from kit.predicting.serving import Setup
from kit.predicting.shard_files import remove_halves, write_shard
from kit.predicting.summary import Summary
from kit.repository import provided
from kit.submissions import LaidOut, Submission, lay_out, named_track
from kit.trees import temporary_folder
from kit.wording import counted

OnProgress = Callable[[str], None]


@dataclass(frozen=True)
class Order:
    """What `kit predict` was asked for."""

    submission: Submission
    images: Path
    out: Path
    features: bool
    shard_size: int
    part: Part


def predict(order: Order, engine_name: str, engine: Engine, on_progress: OnProgress) -> Summary:
    """Predict the shards of a part that are not done yet, and return what is done then.

    Raises:
        UsageProblem: images or folder are not as expected, or a package is missing.
        FolderBusy: another driver writes to the folder.
        KitError: the folder is of other digests, or the submission cannot be loaded, or fails on
            most images of a shard. What was finished is kept.
    """
    arrow()
    listing = list_images(order.images)
    with writing(order.out, "the folder of the shards"):
        order.out.mkdir(parents=True, exist_ok=True)
    with temporary_folder("kit-predict-") as work, locked(order.out, order.part):
        laid_out = lay_out(order.submission, work / "submission")
        key = _key(order, listing, laid_out)
        with door(order.out):
            collection = open_or_create(order.out, key, listing)
        setup = _setup(order, listing, laid_out, work)
        job = Job(collection, listing.images, setup, order.part)
        return _predict_rest(job, order, listing, engine_name, engine, on_progress)


def _key(order: Order, listing: Listing, laid_out: LaidOut) -> dict[str, Any]:
    """Return everything that decides the rows, and which shard each is in."""
    paths = {"program": provided() / "ingestion_program"}
    if listing.metadata_folder:
        paths["metadata"] = listing.metadata_folder / "metadata.csv"
    digests = digests_of(paths)
    return {
        "kit": kit.__version__,
        "submission": {"name": order.submission.name, "digest": laid_out.digest},
        "program": digests["program"],
        "output": "features" if order.features else "prediction",
        "images": {"count": len(listing.images), "digest": listing.digest},
        "metadata": digests.get("metadata"),
        "shard_size": order.shard_size,
    }


def _setup(order: Order, listing: Listing, laid_out: LaidOut, work: Path) -> Setup:
    track = named_track(order.submission)
    return Setup(
        submission=laid_out.folder,
        program=provided() / "ingestion_program",
        kind=PREDICTION_OF_TRACK.get(track) if isinstance(track, str) else None,
        features=order.features,
        metadata_folder=listing.metadata_folder.absolute() if listing.metadata_folder else None,
        work=work,
    )


def _predict_rest(
    job: Job,
    order: Order,
    listing: Listing,
    engine_name: str,
    engine: Engine,
    on_progress: OnProgress,
) -> Summary:
    started = time.monotonic()
    wanted = order.part.shards(job.collection.shard_count)
    all_done = in_place(job.collection, read_journals(job.collection))
    done = {shard: all_done[shard] for shard in wanted if shard in all_done}
    new = _run(job, [shard for shard in wanted if shard not in done], engine, on_progress)
    all_done = in_place(job.collection, read_journals(job.collection))
    summary = Summary(
        collection=job.collection,
        submission=order.submission.name,
        engine=engine_name,
        part=order.part,
        done=done | new,
        before=len(done),
        now=len(new),
        seconds=time.monotonic() - started,
        predicted_now=sum(line.rows for line in new.values()),
        total_done=len(all_done),
        left_out=listing.left_out,
    )
    summary.write()
    return summary


def _run(job: Job, shards: list[int], engine: Engine, on_progress: OnProgress) -> dict[int, Done]:
    """Write each shard as its rows come: first the file, then the line of the journal."""
    done: dict[int, Done] = {}
    if not shards:
        return done
    remove_halves(job.collection, shards)
    journal = Journal(job.collection, job.part)
    on_progress(f"0 of {counted(len(shards), 'shard')}: loading the submission")
    for shard, answer in engine(job, shards):
        refuse_failing(job, shard, answer)
        done[shard] = write_shard(job.collection, shard, job.images_of(shard), answer)
        journal.add(done[shard])
        errors = sum(line.errors for line in done.values())
        on_progress(
            f"{len(done)} of {counted(len(shards), 'shard')}, "
            f"{counted(errors, 'image')} with an error"
        )
    return done
