"""The two stages of the Ray engine, without Ray: what one process prepares, another predicts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kit.predicting.collection import Collection, Part
from kit.predicting.job import Job
from kit.predicting.listing import list_images
from kit.predicting.ray_engine import _items, _whole_shards, reasons_of
from kit.predicting.references import ImageReference, places_of
from kit.predicting.serving import Server, Setup, answer_of
from kit.predicting.shard_files import Answer
from kit.repository import provided
from tests.support.collections import BATCHED, LABELS, make_images
from tests.support.kit import make_submission

NO_PICKLE = BATCHED.replace(
    "return np.asarray(image", "return lambda: np.asarray(image.load() and image"
).replace("pixels.shape", "pixels().shape")


@pytest.mark.parametrize(
    ("model", "features"),
    [(BATCHED, False), (BATCHED, True), (LABELS, False), (NO_PICKLE, False)],
    ids=["batches", "features", "predict alone", "no pickle"],
)
def test_two_processes_give_the_rows_of_one(model: str, features: bool, tmp_path: Path) -> None:
    folder = make_images(tmp_path / "images")
    submission = make_submission(tmp_path / "s", model)
    program = provided() / "ingestion_program"
    setup = Setup(submission, program, None, features, None, work=tmp_path / "work")
    with (
        Server(setup, tmp_path / "home1", tmp_path / "log") as first,
        Server(setup, tmp_path / "home2", tmp_path / "log") as second,
        places_of(list_images(folder).images) as places,
    ):
        content, prepared = first.ask({"do": "prepare", "images": places})
        assert content == {}
        whole = first.predict(places)
        answer = answer_of(*second.ask({"do": "answer"}, prepared), seconds=whole.seconds)
    assert answer == whole
    assert answer.error_count >= 2


def job_of(images: int, shard_size: int) -> Job:
    key = {"images": {"count": images}, "shard_size": shard_size, "output": "prediction"}
    references = [ImageReference(f"{n:03}", f"/images/{n}", n, str(n)) for n in range(images)]
    setup = Setup(Path(), Path(), None, False, None, Path())
    return Job(Collection(Path(), key), references, setup, Part())


def answered(items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows of the second stage: each image's size, or an error where it is a multiple of 7."""
    for item in items:
        sizes = [image["size"] for image in json.loads(item["images"])]
        errors = [None if size % 7 else "seven" for size in sizes]
        given = [float(size) if size % 7 else None for size in sizes]
        content = {"errors": errors, "faults": 0, "predictions": given}
        payload = b"".join(bytes([size]) for size in sizes)
        yield {**item, "content": json.dumps(content), "payload": payload}


def test_chunks_that_come_in_any_order_are_whole_shards() -> None:
    job = job_of(images=95, shard_size=40)
    items = [item for shard in range(3) for item in _items(job, shard, chunk=16)]
    assert [(item["shard"], item["first"]) for item in items] == [
        (0, 0), (0, 16), (0, 32), (1, 0), (1, 16), (1, 32), (2, 0),
    ]  # fmt: skip
    mixed = [items[place] for place in (4, 6, 2, 0, 5, 3, 1)]
    found: dict[int, Answer] = dict(_whole_shards(job, answered(mixed), chunk=16))
    assert list(found) == [2, 1, 0]
    assert found[1].predictions == [None if n % 7 == 0 else float(n) for n in range(40, 80)]
    assert found[0].error_count == 6
    assert found[2].features == bytes(range(80, 95))


def test_what_ray_says_is_cut_to_the_message_of_the_kit() -> None:
    trace = "ray::Stage()\n  File a.py\n\n"
    own = "kit.errors.KitError: on node7: a.zip: cannot be written\n  - full\nTo do: free it\n"
    more = "\nThe above exception was the direct cause of the following:\n  File b.py\nError: UDF\n"
    assert reasons_of(trace + own + more) == ["on node7: a.zip: cannot be written", "  - full"]
    other = "".join(f"line {number}\n\n" for number in range(9))
    assert reasons_of(other) == [f"line {number}" for number in range(4, 9)]
