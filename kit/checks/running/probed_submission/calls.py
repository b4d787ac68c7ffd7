"""Call the submission with a time limit, and describe what it answers."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable
from typing import Any


class TooLong(BaseException):
    """A call of the submission took longer than it may."""


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
