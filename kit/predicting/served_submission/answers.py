"""Answer the requests of the kit: predict images, or one of the two stages of Ray."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from .caller import Broken, Caller
from .channel import Channel
from .images import Source, sources_of
from .loading import Failed, load


def rows_of(values: Sequence[Any], features: bool) -> tuple[dict[str, Any], bytes]:
    """Return an answer: predictions or null, errors or null, and the bytes of the features."""
    broken = [value if isinstance(value, Broken) else None for value in values]
    content: dict[str, Any] = {
        "errors": [item.reason if item else None for item in broken],
        "faults": sum(item is not None and item.fault for item in broken),
    }
    if not features:
        given = [None if isinstance(value, Broken) else value for value in values]
        return {**content, "predictions": given}, b""
    rows = [value for value in values if not isinstance(value, Broken)]
    width = len(rows[0]) if rows else 0
    return {**content, "width": width}, b"".join(row.tobytes() for row in rows)


def prepared_batch(caller: Caller, sources: list[Source], pool: Any) -> bytes:
    """Return a prepared batch for another process, or the images' bytes where it does not pickle.

    What `predict` alone takes is a lazily opened image, which would arrive as another one.
    """
    if caller.batched:
        try:
            return pickle.dumps((True, list(pool.map(caller.prepare, sources))), protocol=5)
        except Exception:
            print("NOTE: what `preprocess` returns does not pickle; it runs next to the model")
    return pickle.dumps((False, [replace(s, path=s.path.with_data()) for s in sources]), protocol=5)


def serve(caller: Caller, program: SimpleNamespace, channel: Channel) -> None:
    """Answer requests for ever."""
    pool = program.ThreadPoolExecutor(caller.plan.threads)
    while True:
        head, payload = channel.next()
        if head["do"] == "predict":
            batches = program.predict_in_order(sources_of(head["images"]), caller.plan)
            values = [value for batch in batches for value in batch.predictions]
            channel.send(*rows_of(values, caller.features))
        elif head["do"] == "prepare":
            channel.send({}, prepared_batch(caller, sources_of(head["images"]), pool))
        else:
            # Made by another process of the same submission.
            is_prepared, items = pickle.loads(payload)
            batch = items if is_prepared else list(pool.map(caller.prepare, items))
            channel.send(*rows_of(caller.in_batches(batch), caller.features))


def run(setup: dict[str, Any], answers: int) -> None:
    """Load the submission, say so, and serve until the kit is gone.

    Args:
        setup: what to load: the fields of kit.predicting.serving.Setup.
        answers: the file descriptor that takes the answers.
    """
    channel = Channel(answers, setup["work"])
    try:
        program, model, seconds = load(setup)
        caller = Caller(program, model, setup)
    except Failed as error:
        channel.send({"failed": str(error)})
        return
    channel.send(
        {
            "load_seconds": seconds,
            "device": str(getattr(model, "device", "")),
            "batched": caller.batched,
            "batch_size": caller.plan.batch_size,
            "in_words": caller.plan.in_words,
        }
    )
    serve(caller, program, channel)
