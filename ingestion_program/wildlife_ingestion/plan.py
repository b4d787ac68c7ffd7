"""How a submission is called: in batches with preprocessing ahead, or image by image.

The one implementation of the calling contract, for this program and for others that put the folder
of the program on their path:

    plan = make_plan(model, images, input_dir, one_by_one=False)
    prepared = [plan.prepare(image) for image in images[: plan.batch_size]]
    predictions = plan.answer(prepared)

`model` is a loaded `Model`; an image is an `images.Picture` or any object with `path` and `name`;
`input_dir` is where a metadata.csv would be. Importing this module and making a plan change nothing
outside: no signal handlers, no output, no entry of sys.path. What `prepare` and `answer` raise is
the submission's own exception, or `images.UnreadableImage`.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wildlife_ingestion.errors import IngestionError
from wildlife_ingestion.images import METADATA_TABLE, InputImage, open_image, read_metadata_rows

DEFAULT_BATCH = 16
MAX_THREADS = 8
Rows = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Plan:
    """The two calls that predict, and how many images and threads they take.

    prepare: opens one image and hands it to `preprocess` where the model offers batches; runs in
    `threads` threads, ahead of `answer`. answer: takes a list of at most `batch_size` prepared
    images, returns what the model returned for them, unchecked, and runs in the main thread.
    in_words: the plan as one line for the log. note: what the log should say besides, or "".
    explain: the model's `explain_batch`, which takes what `answer` took; None where there is none
    (see candidates.py).
    """

    prepare: Callable[[InputImage], Any]
    answer: Callable[[list[Any]], Any]
    batch_size: int
    threads: int
    in_words: str
    explain: Callable[[list[Any]], Any] | None = None
    note: str = ""


def make_plan(model: Any, images: Sequence[InputImage], input_dir: Path, one_by_one: bool) -> Plan:
    """Plan batches where the model offers `preprocess` and `predict_batch`, else single calls.

    one_by_one: call `predict` for each image even where batches are offered. A method with a
    parameter `metadata` is given the image's row of INPUT_DIR/metadata.csv, where that exists.
    Raises IngestionError if `batch_size` is unusable or the metadata table is not as needed.
    """
    batched = all(callable(getattr(model, name, None)) for name in ("preprocess", "predict_batch"))
    why = ""
    if batched and not one_by_one:
        to_predict = _metadata_parameter(model.predict)
        to_preprocess = _metadata_parameter(model.preprocess)
        if to_preprocess or not to_predict:
            rows = _rows_for(to_preprocess, images, input_dir)
            return replace(_batch_plan(model, rows), note=_note_on(to_preprocess, rows))
        why = " (predict takes metadata but preprocess does not)"
    parameter = _metadata_parameter(model.predict)
    rows = _rows_for(parameter, images, input_dir)
    return replace(_single_plan(model, rows, why), note=_note_on(parameter, rows))


def _batch_plan(model: Any, rows: Rows | None) -> Plan:
    size = getattr(model, "batch_size", DEFAULT_BATCH)
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise IngestionError(f"Model.batch_size must be an int of at least 1, found {size!r}.")
    threads = min(MAX_THREADS, _usable_cpus())

    def prepare(source: InputImage) -> Any:
        image = open_image(source)
        if rows is None:
            return model.preprocess(image)
        return model.preprocess(image, metadata=rows[source.name])

    words = f"predict_batch with up to {size} images, preprocess in {threads} threads ahead"
    explain = getattr(model, "explain_batch", None)
    if not callable(explain):
        explain = None
    return Plan(prepare, model.predict_batch, size, threads, words, explain)


def _single_plan(model: Any, rows: Rows | None, why: str) -> Plan:
    def prepare(source: InputImage) -> tuple[Any, str]:
        return open_image(source), source.name

    def answer(prepared: list[tuple[Any, str]]) -> list[Any]:
        ((image, name),) = prepared
        if rows is None:
            return [model.predict(image)]
        return [model.predict(image, metadata=rows[name])]

    return Plan(prepare, answer, 1, 1, f"predict one by one, bytes read ahead{why}")


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _metadata_parameter(method: Callable[..., Any]) -> inspect.Parameter | None:
    try:
        return inspect.signature(method).parameters.get("metadata")
    except (TypeError, ValueError):  # a callable without a readable signature
        return None


def _note_on(parameter: inspect.Parameter | None, rows: Rows | None) -> str:
    """Say that a submission runs without a row for each image, though it takes one."""
    if parameter is None or rows is not None:
        return ""
    return (
        f"the submission takes `metadata`, and the input holds no {METADATA_TABLE}: every image "
        "is predicted without its row"
    )


def _rows_for(
    parameter: inspect.Parameter | None, images: Sequence[InputImage], input_dir: Path
) -> Rows | None:
    if parameter is None:
        return None
    if (input_dir / METADATA_TABLE).is_file():
        return read_metadata_rows(input_dir, images)
    if parameter.default is inspect.Parameter.empty:
        raise IngestionError(
            f"the submission needs `metadata`, but {input_dir} holds no {METADATA_TABLE}: give "
            "the parameter a default (metadata=None)."
        )
    return None
