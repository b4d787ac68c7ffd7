"""Run one submission in a process of its own and write down what it does.

    python probe.py REQUEST.json EVENTS.jsonl

Started by kit.checks.running.probing. How the model is called is decided by the ingestion
program's own plan, imported from the folder that the request names. Nothing of the kit is
imported, so that the submission sees what an organiser's program would let it see. Its folder
comes last on sys.path, as in the official ingestion program. Every attempt to reach the network is
refused and written down.
"""

from __future__ import annotations

import json
import math
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

_LOOPBACK = ("localhost", "127.0.0.1", "::1", "", None)
# Variables in which libraries hold what they are about to fetch.
_TELLING = ("repo_id", "pretrained_model_name_or_path", "url", "model_id", "hub_repo", "req")


class TooLong(BaseException):
    """A call of the submission took longer than it may."""


class Journal:
    """EVENTS.jsonl: one event a line, written at once, so that a crash loses nothing."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._stream = path.open("a", encoding="utf-8")
        self._folder = folder

    def write(self, event: str, **content: Any) -> None:
        """Append one event."""
        self._stream.write(json.dumps({"event": event, **content}) + "\n")
        self._stream.flush()

    def error(self, stage: str, error: BaseException, **content: Any) -> None:
        """Append an exception with the submission's own last line in it."""
        text = f"{type(error).__name__}: {error}".strip().splitlines()[0][:300]
        self.write("error", stage=stage, error=text, at=self.place(error.__traceback__), **content)

    def place(self, frames: Any) -> list[Any] | None:
        """[file, line] of the last frame of a traceback that lies in the submission."""
        found = None
        for frame, line in traceback.walk_tb(frames):
            found = self.inside(frame, line) or found
        return found

    def inside(self, frame: Any, line: int) -> list[Any] | None:
        """[file, line] of a frame, None where it is not the submission's code."""
        path = Path(frame.f_code.co_filename)
        if path.is_absolute() and path.is_relative_to(self._folder):
            return [path.relative_to(self._folder).as_posix(), line]
        return None


def block_network(journal: Journal) -> None:
    """Refuse every connection that leaves the machine; write down who wanted which host."""

    def refuse(host: Any) -> OSError:
        at, wanted = None, []
        frame: Any = sys._getframe(2)
        while frame is not None:
            at = at or journal.inside(frame, frame.f_lineno)
            names = (frame.f_locals.get(name) for name in _TELLING)
            wanted += [value for value in names if isinstance(value, str) and value not in wanted]
            frame = frame.f_back
        journal.write("network", host=str(host), wanted=wanted[:3], at=at)
        return OSError(101, "the network is closed for this check")

    def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        if _name(host) in _LOOPBACK:
            return getaddrinfo(host, *args, **kwargs)
        raise refuse(_name(host))

    def connect(self: socket.socket, address: Any) -> Any:
        if self.family not in (socket.AF_INET, socket.AF_INET6) or address[0] in _LOOPBACK:
            return plain_connect(self, address)
        raise refuse(address[0])

    def send(self: socket.socket, data: Any, *rest: Any) -> Any:
        if self.family not in (socket.AF_INET, socket.AF_INET6) or rest[-1][0] in _LOOPBACK:
            return plain_send(self, data, *rest)
        raise refuse(rest[-1][0])

    getaddrinfo, plain_connect = socket.getaddrinfo, socket.socket.connect
    plain_send = socket.socket.sendto
    names: dict[str, Any] = {"getaddrinfo": resolve}
    names |= dict.fromkeys(("gethostbyname", "gethostbyname_ex"), resolve)
    vars(socket).update(names)
    for name, method in (("connect", connect), ("connect_ex", connect), ("sendto", send)):
        setattr(socket.socket, name, method)


def _name(host: Any) -> Any:
    return host.decode("ascii", "replace") if isinstance(host, bytes) else host


def limited(seconds: float, call: Callable[[], Any]) -> Any:
    """Call with a time limit; raises TooLong after it."""

    def late(number: int, frame: Any) -> None:
        raise TooLong(f"took longer than {seconds:g} s")

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return call()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def described(answer: Any) -> dict[str, Any]:
    """An answer as JSON: {"score": x}, {"label": s}, or {"bad": what it is}."""
    if isinstance(answer, float) and math.isfinite(answer):
        return {"score": float(answer)}
    if isinstance(answer, float):
        return {"not_finite": repr(float(answer))}
    if isinstance(answer, str) and answer.strip() and "\n" not in answer:
        return {"label": answer}
    if answer is None:
        return {"bad": "None"}
    kind = type(answer)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    shape = getattr(answer, "shape", ())
    shape_text = f" of shape {tuple(shape)}" if shape else ""
    return {"bad": f"{name}{shape_text} {repr(answer)[:40]}"}


@dataclass(frozen=True)
class InputImage:
    """An image file as the plan takes it: `name` as in metadata.csv; `place` counts from 1."""

    path: Path
    name: str
    place: int


class Session:
    """The loaded model and the passes over images that the request asks for.

    Raises whatever `make_plan` raises: the ingestion program would not run this model.
    """

    def __init__(
        self, model: Any, make_plan: Callable[..., Any], request: dict[str, Any], journal: Journal
    ) -> None:
        self._model = model
        self._limit = float(request["call_limit_s"])
        self._budget = float(request["budget_s"])
        self._journal = journal
        paths = dict.fromkeys([*request["images"], *request["odd"]])
        images = [
            InputImage(Path(path), Path(path).name, place)
            for place, path in enumerate(paths, start=1)
        ]
        self._images = dict(zip(paths, images, strict=True))
        folder = Path(request["input"])
        self._single = make_plan(model, images, folder, True)
        self._batched = make_plan(model, images, folder, False)

    def passes(self, name: str, images: list[str], budgeted: bool = False) -> None:
        """Predict the images one by one; stop when the budget is spent, if `budgeted`."""
        started = time.perf_counter()
        for image in images:
            self._journal.write("begin", stage=name, image=image)
            begin = time.perf_counter()
            try:
                answer = limited(self._limit, partial(self._predict, image))
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                late = isinstance(error, TooLong)
                mode = not late and self._mode_is_the_cause(image)
                self._journal.error(name, error, image=image, late=late, mode=mode)
                if late:
                    return
                continue
            seconds = time.perf_counter() - begin
            self._journal.write(
                "answer", stage=name, image=image, seconds=seconds, answer=described(answer)
            )
            if budgeted and time.perf_counter() - started > self._budget:
                return

    def _predict(self, image: str, path: Path | None = None) -> Any:
        given = self._images[image] if path is None else replace(self._images[image], path=path)
        (answer,) = self._single.answer([self._single.prepare(given)])
        return answer

    def _mode_is_the_cause(self, image: str) -> bool:
        """Whether the same image is predicted once it is converted to RGB."""
        from PIL import Image  # the ingestion program's plan has imported it before

        try:
            with Image.open(image) as opened:
                if opened.mode == "RGB":
                    return False
                path = Path(tempfile.mkdtemp(), f"{Path(image).stem}.png")
                opened.convert("RGB").save(path)
            limited(self._limit, partial(self._predict, image, path))
        except KeyboardInterrupt:
            raise
        except BaseException:
            return False
        return True

    def batch(self, images: list[str]) -> None:
        """Predict the images in batches, if the model offers that."""
        if not all(
            callable(getattr(self._model, n, None)) for n in ("preprocess", "predict_batch")
        ):
            return
        self._journal.write("begin", stage="batch", image="")
        begin = time.perf_counter()
        try:
            answers = limited(self._limit * 2, partial(self._predict_batches, images))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._journal.error("batch", error, image="", late=isinstance(error, TooLong))
            return
        seconds = (time.perf_counter() - begin) / max(1, len(images))
        if len(answers) != len(images):
            text = f"{len(answers)} predictions for {len(images)} images"
            self._journal.write("error", stage="batch", error=text, at=None, image="", late=False)
            return
        for image, answer in zip(images, answers, strict=True):
            self._journal.write(
                "answer", stage="batch", image=image, seconds=seconds, answer=described(answer)
            )

    def _predict_batches(self, images: list[str]) -> list[Any]:
        answers = []
        for start in range(0, len(images), self._batched.batch_size):
            chosen = images[start : start + self._batched.batch_size]
            prepared = [self._batched.prepare(self._images[image]) for image in chosen]
            answers += list(self._batched.answer(prepared))
        return answers


def load(request: dict[str, Any], journal: Journal) -> Any:
    """Import model.py, make Model(), call load(); None where that fails."""
    begin = time.perf_counter()
    steps: list[tuple[str, Callable[[Any], Any]]] = [
        ("import", lambda _: __import__("model").Model),
        ("Model()", lambda made: made(*request["made_with"])),
        ("load()", lambda made: (made.load(), made)[1]),
    ]
    made: Any = None
    for stage, step in steps:
        journal.write("begin", stage=stage, image="")
        try:
            made = step(made)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            journal.error(stage, error)
            return None
    journal.write("loaded", seconds=time.perf_counter() - begin)
    return made


def main() -> None:
    """Do what REQUEST.json says."""
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    folder = Path(request["folder"])
    journal = Journal(Path(sys.argv[2]), folder)
    # This file's folder must not lend its modules to the submission.
    others = [entry for entry in sys.path if Path(entry or ".").resolve() != HERE]
    sys.path[:] = [request["ingestion_program"], *others]
    # Not an import of the kit's own: which folder holds the module, the request says.
    make_plan = import_module("wildlife_ingestion.plan").make_plan
    sys.path[:] = [*others, str(folder)]
    block_network(journal)
    model = load(request, journal)
    if model is not None:
        _run_passes(model, make_plan, request, journal)
    journal.write("done")


def _run_passes(
    model: Any, make_plan: Callable[..., Any], request: dict[str, Any], journal: Journal
) -> None:
    try:
        session = Session(model, make_plan, request, journal)
    except Exception as error:
        journal.error("plan", error)
        return
    for stage, images in _stages(request):
        if stage == "batch":
            session.batch(images)
        else:
            session.passes(stage, images, budgeted=stage == "first")


def _stages(request: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    images = request["images"]
    yield "first", images
    if request["full"]:
        few = images[: request["few"]]
        yield "twice", [few[0], few[0]] if few else []
        yield "reversed", few[::-1]
        yield "batch", few
        yield "odd", request["odd"]


HERE = Path(__file__).resolve().parent

if __name__ == "__main__":
    main()
