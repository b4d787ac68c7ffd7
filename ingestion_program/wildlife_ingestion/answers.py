"""What a submission may answer: a finite Python float, or a label."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from wildlife_ingestion.errors import IngestionError, bullets, counted
from wildlife_ingestion.images import Picture

MAX_LABEL = 256
EXPECTED = {
    "score": "a finite Python float; write `return float(score)`",
    "label": f"a str of 1 to {MAX_LABEL} characters in one line; write `return str(label)`",
}


class AnswerCheck:
    """Turns answers into the text of predictions.txt.

    `kind` is "score" or "label"; None lets the first answer decide.
    """

    def __init__(self, kind: str | None, total: int) -> None:
        self._kind = kind
        self._total = total

    def texts(self, pictures: list[Picture], result: Any) -> list[str]:
        """One text for each picture. Raises IngestionError naming every answer that is unusable."""
        answers = _as_list(result, pictures)
        if self._kind is None:
            self._kind = "label" if isinstance(answers[0], str) else "score"
        check = _why_no_score if self._kind == "score" else why_no_label
        problems = [
            f"{picture.name} (picture {picture.place} of {self._total}): {why}"
            for picture, answer in zip(pictures, answers, strict=True)
            if (why := check(answer)) is not None
        ]
        if problems:
            raise IngestionError(
                f"the submission gave {counted(len(problems), 'unusable answer')} (expected: "
                f"{EXPECTED[self._kind]}):" + bullets(problems)
            )
        return [format_score(item) if self._kind == "score" else str(item) for item in answers]


def format_score(score: float) -> str:
    """Four decimals, as the leaderboard compares them; a rounded -0 is written as 0."""
    text = f"{score:.4f}"
    return "0.0000" if text == "-0.0000" else text


def _as_list(result: Any, pictures: list[Picture]) -> list[Any]:
    where = f"pictures {pictures[0].place} to {pictures[-1].place}"
    has_length = hasattr(result, "__len__") and getattr(result, "ndim", 1) > 0
    if isinstance(result, (str, bytes, dict, set)) or not has_length:
        raise IngestionError(
            f"predict_batch returned {_show(result)} for {where}; expected a list of "
            f"{len(pictures)} answers."
        )
    answers = list(result)
    if len(answers) != len(pictures):
        raise IngestionError(
            f"predict_batch returned {counted(len(answers), 'answer')} for "
            f"{counted(len(pictures), 'picture')} ({where}); expected one for each."
        )
    return answers


def _why_no_score(answer: Any) -> str | None:
    if not isinstance(answer, float):  # np.float64 is a float; np.float32 is not
        return f"found {_show(answer)}"
    return None if math.isfinite(answer) else f"found {answer!r}, which is not finite"


def why_no_label(answer: Any) -> str | None:
    """What is wrong with a label, None where nothing is."""
    if not isinstance(answer, str):
        return f"found {_show(answer)}"
    if not answer.strip():
        return f"found the empty label {answer!r}"
    if any(sign in answer for sign in "\n\r\0"):
        return f"found a label with a line break or NUL: {answer[:40]!r}"
    if not answer.isprintable() and not _encodes(answer):
        return f"found a label that is not UTF-8: {answer[:40]!r}"
    return None if len(answer) <= MAX_LABEL else f"found a label of {len(answer)} characters"


def _encodes(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _show(answer: Any) -> str:
    if answer is None:
        return "None"
    kind = type(answer)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    shape = getattr(answer, "shape", None)
    if isinstance(shape, Sequence) and len(shape):
        return f"{name} of shape {tuple(shape)}"
    text = repr(answer)
    return f"{name} {text if len(text) <= 60 else text[:57] + '...'}"
