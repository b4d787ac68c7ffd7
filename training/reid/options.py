"""What the command lines of this track's scripts share."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from threadpoolctl import threadpool_limits

from training.common import script
from training.common.submission_files import ROOT, SUBMISSIONS

__all__ = [
    "ROOT", "SUBMISSIONS", "refuse_not_positive", "run_in_one_thread", "submission_parser",
]  # fmt: skip


def submission_parser(name: str, description: str) -> argparse.ArgumentParser:
    """A parser for the script of a submission, with --data, --out and --overwrite."""
    return script.submission_parser("reid", name, description)


def refuse_not_positive(
    made: argparse.ArgumentParser, options: argparse.Namespace, names: Sequence[str]
) -> None:
    """End the program with a usage error where a given option is not above 0."""
    for name in names:
        value = getattr(options, name)
        if value is not None and not value > 0:
            made.error(f"--{name.replace('_', '-')} {value:g}: expected more than 0")


def run_in_one_thread(
    options: argparse.Namespace, build: Callable[[argparse.Namespace], None]
) -> int:
    """Run a script with one thread for linear algebra; return the exit status.

    Sums are split over threads, and so round differently with another number of threads.
    """
    with threadpool_limits(limits=1):
        return script.run(options, lambda: build(options))
