"""Wait for a submission: its status, its children's, and its scores, which come after the status.

Nothing is ever cancelled: on the platform a cancelled submission counts as one of the day.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from kit.remote.answers import FINISHED, Sent
from kit.remote.api import Platform
from kit.remote.errors import Answered, Unreachable

_FIRST_WAIT_S: Final = 3.0
_LONGEST_WAIT_S: Final = 60.0
_GROWTH: Final = 1.5
# The server stores the status before the scores: so long an ended submission may lack some.
_GRACE_S: Final = 60.0
# After so long the same status is said again: a log without a line looks like one that hangs.
_SILENCE_S: Final = 300.0


@dataclass(frozen=True)
class Outcome:
    """What became of a submission. children: one for each task, where there are several tasks.

    missing: columns without a score. in_time: False where it had not ended when the time was up.
    """

    sent: Sent
    children: tuple[Sent, ...]
    missing: tuple[str, ...]
    in_time: bool = True

    @property
    def parts(self) -> tuple[Sent, ...]:
        """The submissions that ran: the children, or the one itself."""
        return self.children or (self.sent,)

    @property
    def ok(self) -> bool:
        """Whether every part finished and every column has its score.

        A submission with children is called finished as soon as all have ended, failed or not.
        """
        return all(one.status == FINISHED for one in self.parts) and not self.missing

    def as_json(self) -> dict[str, Any]:
        """Return it as the kit's documents give it."""
        return {
            "status": self.sent.status,
            "ok": self.ok,
            "in_time": self.in_time,
            "missing": [*self.missing],
            "parts": [one.as_json() for one in self.parts],
        }


class Watch:
    """Asks again and again, less and less often.

    tell: called with a line for each change, and every few minutes without one. sleep, clock:
    seconds of a clock that never goes back.
    """

    def __init__(
        self,
        platform: Platform,
        columns: Sequence[str],
        tell: Callable[[str], None] = lambda line: None,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._platform = platform
        self._columns = columns
        self._tell = tell
        self._sleep = sleep
        self._clock = clock
        self._said = ""
        self._said_at = self._begun = clock()
        self._ended_at: float | None = None

    def wait(self, number: int, timeout_s: float) -> Outcome:
        """Return what became of a submission, at the latest after that many seconds.

        A server that does not answer is asked again until then.

        Raises:
            PlatformError: it never answered.
        """
        self._begun, wait_s = self._clock(), _FIRST_WAIT_S
        last: Outcome | None = None
        while True:
            left = timeout_s - (self._clock() - self._begun)
            last = self._asked(number, left) or last
            if last and self._is_over(last):
                return last
            if last and left <= 0:
                return replace(last, in_time=False)
            self._sleep(max(0.0, min(wait_s, left)))
            wait_s = min(wait_s * _GROWTH, _LONGEST_WAIT_S)

    def _asked(self, number: int, left_s: float) -> Outcome | None:
        """Return what is to be seen; None where no answer came and there is time to ask again."""
        try:
            outcome = look_at(self._platform, number, self._columns)
        except (Unreachable, Answered) as error:
            if _is_final(error) or left_s <= 0:
                raise
            self._say(f"no answer: {error.message}")
            return None
        self._say(status_line(outcome))
        return outcome

    def _is_over(self, outcome: Outcome) -> bool:
        """Say whether nothing more will come: ended, and with its scores or after some patience."""
        if not all(one.ended for one in (outcome.sent, *outcome.children)):
            return False
        now = self._clock()
        self._ended_at = now if self._ended_at is None else self._ended_at
        finished = all(one.status == FINISHED for one in outcome.parts)
        return not finished or not outcome.missing or now - self._ended_at >= _GRACE_S

    def _say(self, line: str) -> None:
        now, same = self._clock(), line == self._said
        if same and now - self._said_at < _SILENCE_S:
            return
        self._said, self._said_at = line, now
        self._tell(f"{'still ' if same else ''}{line}, after {_span(now - self._begun)}")


def look_at(platform: Platform, number: int, columns: Sequence[str]) -> Outcome:
    """Return what is to be seen of a submission now."""
    return with_children(platform, platform.submission(number), columns)


def with_children(platform: Platform, sent: Sent, columns: Sequence[str] = ()) -> Outcome:
    """Return what is to be seen of a submission, and of its child for each of several tasks."""
    children = tuple(platform.submission(child) for child in sorted(sent.children))
    return Outcome(sent, children, tuple(_missing(sent, children, columns)))


def _missing(sent: Sent, children: Sequence[Sent], columns: Sequence[str]) -> list[str]:
    """Return the columns without a score. A computed one may be the parent's alone."""
    missing = [key for key in columns if key not in sent.scores]
    if not (columns or children or sent.scores):  # a hidden leaderboard tells no columns
        missing = ["any score"]
    return missing + [f"all of {one.task or one.id}" for one in children if not one.scores]


def _is_final(error: Unreachable | Answered) -> bool:
    """Say whether asking again would give the same answer."""
    return isinstance(error, Answered) and error.status < 500 and error.status != 429


def _span(seconds: float) -> str:
    """Return a time in words, such as 40 s or 1 h 5 min."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def status_line(outcome: Outcome) -> str:
    """Return the status in a line: of the submission, or of each child with its task."""
    if not outcome.children:
        return outcome.sent.status
    parts = ", ".join(f"{one.task or one.id}: {one.status}" for one in outcome.children)
    return f"{outcome.sent.status} ({parts})"
