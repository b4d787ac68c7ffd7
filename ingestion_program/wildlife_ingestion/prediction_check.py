"""What a submission may predict: a finite Python float, or a label."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from wildlife_ingestion.errors import IngestionError, bullets, counted
from wildlife_ingestion.images import InputImage

MAX_LABEL = 256
EXPECTED = {
    "score": "a finite Python float; write `return float(score)`",
    "label": f"a str of 1 to {MAX_LABEL} characters in one line; write `return str(label)`",
}


class PredictionCheck:
    """Turn what the model returned into the text of predictions.txt.

    `kind` is "score" or "label"; None lets the first prediction decide.
    """

    def __init__(self, kind: str | None, total: int) -> None:
        self._kind = kind
        self._total = total

    def texts(self, images: list[InputImage], result: Any) -> list[str]:
        """Return one text for each image.

        Raises IngestionError that names every unusable prediction.
        """
        predictions = _as_list(result, images)
        if self._kind is None:
            self._kind = "label" if isinstance(predictions[0], str) else "score"
        check = _why_no_score if self._kind == "score" else why_no_label
        problems = [
            f"{image.name} (image {image.place} of {self._total}): {why}"
            for image, prediction in zip(images, predictions, strict=True)
            if (why := check(prediction)) is not None
        ]
        if problems:
            raise IngestionError(
                f"the submission gave {counted(len(problems), 'unusable prediction')} (expected: "
                f"{EXPECTED[self._kind]}):" + bullets(problems)
            )
        return [format_score(item) if self._kind == "score" else str(item) for item in predictions]


def format_score(score: float) -> str:
    """Return four decimals, as the leaderboard compares them; a rounded -0 is written as 0."""
    text = f"{score:.4f}"
    return "0.0000" if text == "-0.0000" else text


def _as_list(result: Any, images: list[InputImage]) -> list[Any]:
    where = f"images {images[0].place} to {images[-1].place}"
    has_length = hasattr(result, "__len__") and getattr(result, "ndim", 1) > 0
    if isinstance(result, (str, bytes, dict, set)) or not has_length:
        raise IngestionError(
            f"predict_batch returned {_show(result)} for {where}; expected a list of "
            f"{len(images)} predictions."
        )
    predictions = list(result)
    if len(predictions) != len(images):
        raise IngestionError(
            f"predict_batch returned {counted(len(predictions), 'prediction')} for "
            f"{counted(len(images), 'image')} ({where}); expected one for each."
        )
    return predictions


def _why_no_score(prediction: Any) -> str | None:
    if not isinstance(prediction, float):  # np.float64 is a float; np.float32 is not
        return f"found {_show(prediction)}"
    return None if math.isfinite(prediction) else f"found {prediction!r}, which is not finite"


def why_no_label(prediction: Any) -> str | None:
    """Say what is wrong with a label; None where nothing is."""
    if not isinstance(prediction, str):
        return f"found {_show(prediction)}"
    if not prediction.strip():
        return f"found the empty label {prediction!r}"
    if any(sign in prediction for sign in "\n\r\0"):
        return f"found a label with a line break or NUL: {prediction[:40]!r}"
    if not prediction.isprintable() and not _encodes(prediction):
        return f"found a label that is not UTF-8: {prediction[:40]!r}"
    if len(prediction) > MAX_LABEL:
        return f"found a label of {len(prediction)} characters"
    return None


def _encodes(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _show(prediction: Any) -> str:
    if prediction is None:
        return "None"
    kind = type(prediction)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    shape = getattr(prediction, "shape", None)
    if isinstance(shape, Sequence) and len(shape):
        return f"{name} of shape {tuple(shape)}"
    text = repr(prediction)
    return f"{name} {text if len(text) <= 60 else text[:57] + '...'}"
