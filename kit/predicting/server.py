"""Load one submission and predict what arrives on standard input, until that ends.

    python server.py SETUP.json ANSWERS_FD

Started by kit.predicting.serving. The ingestion program's own plan and pipeline call the model;
they are imported from the folder that SETUP.json names. Nothing of the kit is imported. A message,
in both directions, is a line of JSON that says how many bytes follow it, and these bytes. What a
submission prints goes to the log.

An image that cannot be read, and an image on which the submission fails, is an error in the
answer, not the end.
"""

from __future__ import annotations

import errno
import json
import os
import pickle
import queue
import shutil
import signal
import stat
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

HERE = Path(__file__).resolve().parent
_LONGEST_ERROR = 500


class Failed(Exception):
    """The process cannot go on; the text is the message for the user."""


@dataclass(frozen=True)
class Span:
    """The place of an image's bytes, with what the pipeline asks of a path; or the bytes."""

    file: str
    offset: int | None
    size: int
    data: bytes | None = None

    def read_bytes(self) -> bytes:
        """Read a whole regular file, or a part of it; never wait at a pipe.

        Raises OSError.
        """
        if self.data is not None:
            return self.data
        descriptor = os.open(self.file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "not a regular file", self.file)
            if self.offset is None:
                return stream.read()
            stream.seek(self.offset)
            content = stream.read(self.size)
        if len(content) < self.size:
            raise OSError(errno.EIO, "the file that holds it ends too early", self.file)
        return content

    def with_data(self) -> Span:
        """Return the same with the bytes in it, where they can be read."""
        try:
            return replace(self, data=self.read_bytes())
        except OSError:
            return self

    def __str__(self) -> str:
        return self.file


@dataclass(frozen=True)
class Source:
    """One image as the ingestion program's plan takes it."""

    name: str
    path: Span
    place: int


@dataclass(frozen=True)
class Prepared:
    """What the submission made of an image."""

    source: Source
    value: Any


@dataclass(frozen=True)
class Broken:
    """An image without a prediction. fault: whether the submission failed on a sound image."""

    reason: str
    fault: bool


class Caller:
    """Calls the model so that an image that fails has an error, and the others an answer."""

    def __init__(self, program: SimpleNamespace, model: Any, setup: dict[str, Any]) -> None:
        """Make the plan. Raises Failed where the model does not offer what is asked for."""
        self._program = program
        folder = Path(setup["metadata_folder"] or os.devnull)
        try:
            plan = program.make_plan(model, [], folder, one_by_one=False)
        except program.IngestionError as error:
            raise Failed(str(error)) from None
        print(plan.in_words, plan.note, sep="\n", flush=True)
        self.batched = plan.answer == getattr(model, "predict_batch", None)
        self.features = bool(setup["features"])
        self._answer: Callable[[list[Any]], Any] = plan.answer
        if self.features:
            self._answer = self._embedding(model)
        self._kind = setup["kind"]
        self._width: int | None = None
        self._prepare = plan.prepare
        self.plan = replace(plan, prepare=self.prepare, answer=self.answer)

    def _embedding(self, model: Any) -> Callable[[list[Any]], Any]:
        found = getattr(model, "embed_batch", None)
        if not callable(found) or not self.batched:
            raise Failed(
                "the submission offers no embedding: expected `preprocess(image)`, "
                "`predict_batch(list)` and `embed_batch(list)`, which returns (n, d) floats"
            )
        return found  # type: ignore[no-any-return]

    def prepare(self, source: Source) -> Prepared | Broken:
        """Open and preprocess one image; runs in threads."""
        try:
            return Prepared(source, self._prepare(source))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return self._broken(source, error, "preprocess")

    def _broken(self, source: Source, error: BaseException, what: str) -> Broken:
        """Tell an image that cannot be decoded from a fault of the submission."""
        if isinstance(error, KeyError) and error.args == (source.name,):
            return Broken("no row in metadata.csv", fault=False)
        if isinstance(error, self._program.UnreadableImage):
            return Broken(_short(str(error)), fault=False)
        why = self._program.why_undecodable(source)
        if why is not None:
            return Broken(_short(why), fault=False)
        return Broken(_short(f"{what} {self._program.describe(error)}"), fault=True)

    def answer(self, batch: Sequence[Prepared | Broken]) -> list[Any]:
        """Return a value or `Broken` for each image of a batch; runs in the main thread."""
        good = [item for item in batch if isinstance(item, Prepared)]
        values = iter(self._values(good) if good else [])
        return [next(values) if isinstance(item, Prepared) else item for item in batch]

    def in_batches(self, items: Sequence[Prepared | Broken]) -> list[Any]:
        """Return the same for more images than a batch has, in batches as the pipeline's."""
        starts = range(0, len(items), self.plan.batch_size)
        return [v for at in starts for v in self.answer(items[at : at + self.plan.batch_size])]

    def _values(self, good: list[Prepared]) -> list[Any]:
        try:
            return self._checked(good, self._answer([item.value for item in good]))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if len(good) > 1:  # one by one shows whose fault it is
                return [value for item in good for value in self._values([item])]
            if isinstance(error, self._program.IngestionError):
                return [Broken(_short(str(error).splitlines()[-1].strip(" -")), fault=True)]
            what = "embed_batch" if self.features else "predict"
            return [self._broken(good[0].source, error, what)]

    def _checked(self, good: list[Prepared], result: Any) -> list[Any]:
        """Return the values. Raises what the ingestion program raises for unusable predictions."""
        if self.features:
            return self._rows(result, len(good))
        check = self._program.PredictionCheck(self._kind, len(good))
        check.texts([item.source for item in good], result)
        values = list(result)
        if self._kind is None:
            self._kind = "label" if isinstance(values[0], str) else "score"
        return [str(value) if self._kind == "label" else float(value) for value in values]

    def _rows(self, result: Any, count: int) -> list[Any]:
        import numpy as np

        if hasattr(result, "detach"):
            result = result.detach().cpu()
        rows = np.asarray(result, dtype=np.float32)
        width = self._width or (rows.shape[1] if rows.ndim == 2 else 0)
        if rows.ndim != 2 or rows.shape != (count, width) or not width:
            raise ValueError(f"gave features {rows.shape}, expected {(count, width)}")
        if not np.isfinite(rows).all():
            raise ValueError("gave features that are not finite")
        self._width = width
        return list(rows)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_ERROR else line[: _LONGEST_ERROR - 3] + "..."


class Channel:
    """Messages from and to the kit. When the kit is gone, nothing of this process is left.

    remove: the kit's temporary folder.
    """

    def __init__(self, answers: int, remove: str) -> None:
        self._remove = remove
        self._requests: queue.Queue[tuple[dict[str, Any], bytes]] = queue.Queue()
        # The submission gets no standard input: it could read the requests.
        requests = os.fdopen(os.dup(0), "rb")
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        self._answers = os.fdopen(answers, "wb")
        threading.Thread(target=self._read, args=(requests,), daemon=True).start()

    def _read(self, requests: BinaryIO) -> None:
        while line := requests.readline():
            head = json.loads(line)
            self._requests.put((head, requests.read(head["bytes"])))
        # A kit that was killed could not clean up.
        shutil.rmtree(self._remove, ignore_errors=True)
        # Its own session: this ends what the submission has started too.
        os.killpg(os.getpgrp(), signal.SIGKILL)

    def next(self) -> tuple[dict[str, Any], bytes]:
        """Wait for a request."""
        return self._requests.get()

    def send(self, content: dict[str, Any], payload: bytes = b"") -> None:
        """Send one answer."""
        head = json.dumps({**content, "bytes": len(payload)})
        self._answers.write(head.encode() + b"\n" + payload)
        self._answers.flush()


def sources_of(images: Sequence[Sequence[Any]]) -> list[Source]:
    """Return the images of a request: name, file, offset and size each."""
    return [
        Source(name, Span(file, offset, size), place)
        for place, (name, file, offset, size) in enumerate(images, start=1)
    ]


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


def load(setup: dict[str, Any]) -> tuple[SimpleNamespace, Any, float]:
    """Return the parts of the ingestion program, the loaded model and the seconds of loading."""
    folder, program_dir = Path(setup["submission"]), Path(setup["program"])
    # This file's folder must not lend its modules to the submission.
    others = [entry for entry in sys.path if Path(entry or ".").resolve() != HERE]
    sys.path[:] = [setup["program"], *others]
    errors, requirements = _part("errors"), _part("requirements")
    submission = _part("submission")
    try:
        submission.find_model_file(folder)
        whitelist = requirements.read_whitelist(program_dir)
        wanted = requirements.read_requirements(folder / "requirements.txt", whitelist)
        requirements.provide(wanted, install=False)
        program = SimpleNamespace(
            IngestionError=errors.IngestionError,
            describe=submission.describe,
            ThreadPoolExecutor=import_module("concurrent.futures").ThreadPoolExecutor,
            **_named("plan", "make_plan"),
            **_named("pipeline", "predict_in_order"),
            **_named("images", "UnreadableImage", "why_undecodable"),
            **_named("prediction_check", "PredictionCheck"),
        )
        loaded = submission.load_submission(folder, program_dir, whitelist)
    except errors.ResultSubmission:
        raise Failed("a result submission: it holds predictions and no model") from None
    except errors.IngestionError as error:
        if isinstance(error, submission.SubmissionError):
            print(error.participant_traceback(), file=sys.stderr, flush=True)
        raise Failed(str(error)) from None
    return program, loaded.model, loaded.load_seconds


def _part(name: str) -> Any:
    # Not an import of the kit's own: which folder holds the module, the setup says.
    return import_module(f"wildlife_ingestion.{name}")


def _named(module: str, *names: str) -> dict[str, Any]:
    return {name: getattr(_part(module), name) for name in names}


def main() -> None:
    """Load, say so, and serve."""
    setup = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    channel = Channel(int(sys.argv[2]), setup["work"])
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


if __name__ == "__main__":
    main()
