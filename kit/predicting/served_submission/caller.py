"""Calls the model, so that an image that fails has an error and the others a prediction."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from .images import Source
from .loading import Failed

_LONGEST_ERROR = 500


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
