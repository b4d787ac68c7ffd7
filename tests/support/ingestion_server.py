"""Runs of the ingestion program in processes that have the large libraries already.

Importing torch, timm and transformers takes longer than predicting a sample task, and every
submission is started several times. The processes are forked from one that imported them once.
"""

from __future__ import annotations

import csv
import multiprocessing
import os
import sys
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "ingestion_program"
LARGE = ["cv2", "open_clip", "scipy.stats", "sklearn.linear_model", "timm", "torch"]
LONGEST = 600  # seconds that a run may take

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([*LARGE, "transformers.models.dinov2"])


def ingest(
    images: Path, submission: Path, output: Path, one_by_one: bool = False
) -> list[list[str]]:
    """The rows of the predictions, which are in the new folder `output` next to log.txt."""
    output.mkdir()
    process = _context.Process(target=_ingest, args=(images, submission, output, one_by_one))
    process.start()
    process.join(LONGEST)
    if process.exitcode is None:
        process.kill()
    assert process.exitcode == 0, (output / "log.txt").read_text(encoding="utf-8")
    with (output / "predictions.txt").open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


def _ingest(images: Path, submission: Path, output: Path, one_by_one: bool) -> None:
    with (output / "log.txt").open("wb") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    os.chdir(output)
    os.environ["INGESTION_INSTALL"] = "never"
    os.environ["INGESTION_ONE_BY_ONE"] = "1" if one_by_one else ""
    from wildlife_ingestion.run import main

    sys.exit(main([str(images), str(output), str(PROGRAM), str(submission)]))
