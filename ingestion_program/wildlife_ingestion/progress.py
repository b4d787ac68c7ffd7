"""Show how far the run is: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import time

BAR_WIDTH = 30
SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_STEPS = 1.0
SECONDS_BETWEEN_DRAWINGS = 0.1


class Progress:
    """Count predicted images. The bar goes to stderr, the plain lines to stdout."""

    def __init__(self, total: int, done: int = 0) -> None:
        self._total = total
        self._before = self._done = done
        self._on_terminal = sys.stderr.isatty()
        self._start = self._shown_at = time.perf_counter()
        self._shown_tenth = 0

    def advance(self, number: int) -> None:
        """Count `number` more images, and show it where enough time has passed."""
        self._done += number
        now = time.perf_counter()
        if self._on_terminal:
            if now - self._shown_at >= SECONDS_BETWEEN_DRAWINGS or self._done == self._total:
                self._shown_at = now
                sys.stderr.write("\r" + self._bar(now) + "\x1b[K")
                sys.stderr.flush()
            return
        tenth = 10 * self._done // self._total
        waited = now - self._shown_at
        stepped = tenth > self._shown_tenth and waited >= SECONDS_BETWEEN_STEPS
        if stepped or waited >= SECONDS_BETWEEN_LINES:
            self._shown_at, self._shown_tenth = now, tenth
            print(self._line(now), flush=True)

    def close(self) -> None:
        """End the bar's line, so that later output starts below it."""
        if self._on_terminal and self._done:
            sys.stderr.write("\n")
            sys.stderr.flush()

    def _line(self, now: float) -> str:
        rate = (self._done - self._before) / max(now - self._start, 1e-9)
        left = (self._total - self._done) / rate
        return (
            f"{self._done}/{self._total} images ({100 * self._done // self._total} %), "
            f"{rate:.1f} images/s, {_clock(left)} left"
        )

    def _bar(self, now: float) -> str:
        filled = BAR_WIDTH * self._done // self._total
        return f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {self._line(now)}"


def _clock(seconds: float) -> str:
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
