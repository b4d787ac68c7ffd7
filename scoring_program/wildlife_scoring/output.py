"""Write the results of the scoring step: both files, or neither."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path

from wildlife_scoring.problems import ScoringError
from wildlife_scoring.tracks import Outcome

SCORES, REPORT = "scores.json", "detailed_results.html"


def remove_results(output_dir: Path) -> None:
    """Delete the results of an earlier run: after a failure they would pass for this run's."""
    for name in (SCORES, REPORT):
        (output_dir / name).unlink(missing_ok=True)


def write_results(output_dir: Path, outcome: Outcome) -> None:
    """Write both files, or neither: each under a temporary name first, the scores renamed last.

    Raises ScoringError where the folder cannot be written, for example because the disk is full.
    """
    texts = {
        REPORT: outcome.html,
        SCORES: json.dumps(outcome.scores, indent=2, allow_nan=False) + "\n",
    }
    temporary = {name: output_dir / f"{name}.tmp" for name in texts}
    writing = SCORES
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            writing = name
            temporary[name].write_text(text, encoding="utf-8")
        for name in texts:
            temporary[name].replace(output_dir / name)
    except OSError as error:
        for path in (*temporary.values(), *(output_dir / name for name in texts)):
            try:
                path.unlink(missing_ok=True)
            except OSError:
                continue  # the first error is the one to report
        raise ScoringError(
            f"no score was written: cannot write {output_dir / writing}: "
            f"{error.strerror or error}{_free_space(error, output_dir)}\n"
            "     -> free some space, or make the folder writable, and run again"
        ) from error


def _free_space(error: OSError, folder: Path) -> str:
    """Say how much space is left where that is the cause."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return ""
    try:
        return f", {shutil.disk_usage(folder).free:,} bytes are free there"
    except OSError:
        return ""
