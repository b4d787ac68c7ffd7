"""What scripts print: progress on standard output, problems on standard error."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from training.common import processes


def say(text: str) -> None:
    """Print a line at once, also where the output is a file; only the first process prints."""
    if processes.is_first():
        print(text, flush=True)


def complain(script: str, text: str, details: Sequence[str] = ()) -> None:
    """Print a problem on standard error, with its details below it, a line each."""
    print("\n  ".join([f"{script}: {text}", *details]), file=sys.stderr, flush=True)


def say_epoch(epoch: int, loss: float) -> None:
    """Print the mean loss of an epoch; epochs count from 1."""
    say(f"epoch {epoch}: loss {loss:.4f}")
