"""The whole run, from its arguments to its exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wildlife_ingestion.errors import (
    IngestionError,
    Interrupted,
    ResultSubmission,
    ignore_signals,
    raise_on_signals,
)
from wildlife_ingestion.requirements import provide, read_requirements, read_whitelist
from wildlife_ingestion.submission import (
    Submission,
    SubmissionError,
    find_model_file,
    load_submission,
    read_prediction_kind,
)

USAGE = "usage: python3 ingestion.py INPUT_DIR OUTPUT_DIR PROGRAM_DIR SUBMISSION_DIR"


@dataclass(frozen=True)
class Folders:
    """The four arguments, absolute."""

    input: Path
    output: Path
    program: Path
    submission: Path


def main(arguments: Sequence[str]) -> int:
    """Predict INPUT_DIR and return the exit status.

    0: predictions written; 1: no predictions, and a message why; 2: wrong usage; 130 or 143:
    interrupted by SIGINT or SIGTERM.
    """
    if len(arguments) != 4:
        print(f"expected 4 folders, found {len(arguments)} arguments\n{USAGE}", file=sys.stderr)
        return 2
    for stream in (sys.stdout, sys.stderr):  # a file name need not be printable
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    raise_on_signals()
    try:
        _run(Folders(*(Path(argument).resolve() for argument in arguments)))
    except ResultSubmission:
        print("a result submission: predictions without model.py or metadata, nothing to run")
    except IngestionError as error:
        _print_error(error)
        return 1
    except KeyboardInterrupt as error:
        _stop(error)
    return 0


def _run(folders: Folders) -> None:
    find_model_file(folders.submission)
    kind = read_prediction_kind(folders.submission)
    whitelist = read_whitelist(folders.program)
    requirements = read_requirements(folders.submission / "requirements.txt", whitelist)
    provide(requirements, install=os.environ.get("INGESTION_INSTALL") != "never")

    # Imports Pillow, which the requirements may just have brought or exchanged.
    from wildlife_ingestion.images import list_images, print_listing
    from wildlife_ingestion.predict import predict_all

    listing = list_images(folders.input)
    print_listing(listing)
    submission = load_submission(folders.submission, folders.program, whitelist)
    _print_loaded(submission)
    predict_all(submission, listing.images, kind, folders.input, folders.output)


def _print_loaded(submission: Submission) -> None:
    on = f" on {submission.model.device}" if hasattr(submission.model, "device") else ""
    print(f"model loaded{on} in {submission.load_seconds:.2f} s", flush=True)


def _print_error(error: IngestionError) -> None:
    sys.stdout.flush()
    if isinstance(error, SubmissionError):
        print(error.participant_traceback(), file=sys.stderr)
    print(f"ERROR: {error}", file=sys.stderr, flush=True)


def _stop(error: KeyboardInterrupt) -> None:
    """End the process at once: a thread may still be busy in the submission's code."""
    ignore_signals()
    number = error.signal_number if isinstance(error, Interrupted) else 2
    sys.stdout.flush()
    print(f"\nERROR: interrupted by signal {number}; no predictions written.", file=sys.stderr)
    sys.stderr.flush()
    os._exit(128 + number)
