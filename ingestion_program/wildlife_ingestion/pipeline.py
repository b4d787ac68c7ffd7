"""Run images through `prepare` in threads and `answer` in the main thread, in order.

At most `window_of(plan)` images are between reading and prediction at any time, so memory does
not depend on how many there are.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

from wildlife_ingestion.errors import raise_swallowed_signal
from wildlife_ingestion.images import InputImage
from wildlife_ingestion.plan import Plan

Then = Callable[[list[InputImage], list[Any]], None]


@dataclass(frozen=True)
class Predicted:
    """What `answer` returned for one batch, unchecked, and the seconds that it took."""

    images: list[InputImage]
    predictions: Any
    seconds: float


class BatchFailed(Exception):
    """`error` came out of `prepare` (one image) or of `answer` (the batch)."""

    def __init__(self, images: list[InputImage], error: BaseException, in_model: bool) -> None:
        super().__init__(str(error))
        self.images = images
        self.error = error
        self.in_model = in_model


def window_of(plan: Plan) -> int:
    """Count one batch with the model, one being filled, and one image for each thread."""
    return 2 * plan.batch_size + plan.threads


def predict_in_order(
    images: list[InputImage], plan: Plan, then: Then | None = None
) -> Iterator[Predicted]:
    """Yield the predictions, batch by batch. Raises BatchFailed at the first batch without.

    then: called with each predicted batch, its images and what `prepare` made of them.
    """
    waiting = iter(images)
    ahead: deque[tuple[InputImage, Future[Any]]] = deque()
    pool = ThreadPoolExecutor(plan.threads, thread_name_prefix="prepare")

    def refill(room: int) -> None:
        for image in islice(waiting, room):
            ahead.append((image, pool.submit(plan.prepare, image)))

    try:
        refill(window_of(plan))
        while ahead:
            batch = [ahead.popleft() for _ in range(min(plan.batch_size, len(ahead)))]
            prepared = [_wait_for(image, future) for image, future in batch]
            taken = [image for image, _ in batch]
            batch.clear()  # the futures hold the prepared images
            result, seconds = _predict(plan, taken, prepared)
            if then is not None:
                then(taken, prepared)
            del prepared
            yield Predicted(taken, result, seconds)
            refill(len(taken))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _wait_for(image: InputImage, future: Future[Any]) -> Any:
    error = future.exception()
    raise_swallowed_signal()
    if error is not None:
        raise BatchFailed([image], error, in_model=False)
    return future.result()


def _predict(plan: Plan, taken: list[InputImage], prepared: list[Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    try:
        result = plan.answer(prepared)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit(0) in predict is a failure too
        raise BatchFailed(taken, error, in_model=True) from None
    raise_swallowed_signal()
    return result, time.perf_counter() - start
