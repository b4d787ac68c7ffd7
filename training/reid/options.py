"""What the command lines of this track's scripts share."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from threadpoolctl import threadpool_limits

from training.common import script
from training.common.script import refuse_not_positive
from training.common.submission_files import ROOT, SUBMISSIONS

__all__ = [
    "ROOT", "SUBMISSIONS", "refuse_not_positive", "run_in_one_thread", "submission_parser",
]  # fmt: skip


def submission_parser(name: str, description: str) -> argparse.ArgumentParser:
    """A parser for the script of a submission, with --data, --out and --overwrite."""
    return script.submission_parser("reid", name, description)


def run_in_one_thread(
    options: argparse.Namespace, build: Callable[[argparse.Namespace], None]
) -> int:
    """Run a script with one thread for linear algebra; return the exit status.

    Sums are split over threads, and so round differently with another number of threads.
    """
    with threadpool_limits(limits=1):
        return script.run(options, lambda: build(options))
