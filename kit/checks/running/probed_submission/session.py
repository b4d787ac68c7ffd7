"""The passes over images that a request asks of a loaded model."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from .calls import TooLong, described, limited
from .journal import Journal


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
