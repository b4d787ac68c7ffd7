"""Run our scoring program alone, on a predictions file and a reference table."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from kit.contract import PREDICTIONS_FILE, REPORT_FILE
from kit.errors import KitError, UsageProblem
from kit.files import replacing, writing
from kit.repository import provided
from kit.scores import read_scores
from kit.trees import copy_files


def score_files(predictions: Path, reference: Path, keep_in: Path | None) -> dict[str, float]:
    """Run scoring_program/ as the platform would and return its scores.

    Args:
        predictions: a predictions file of any name.
        reference: a reference table, or a folder that holds it.
        keep_in: where scores.json and the report are kept; None keeps nothing.

    Raises:
        UsageProblem: a file does not exist.
        KitError: the scoring program refuses; its message is passed on.
    """
    if not predictions.is_file():
        raise UsageProblem(f"{predictions}: expected a predictions file, found none")
    if not reference.exists():
        raise UsageProblem(f"{reference}: expected a reference table, found nothing there")
    with TemporaryDirectory(prefix="kit-score-") as folder:
        root = Path(folder)
        output = _stage(root, predictions, reference)
        program = provided() / "scoring_program" / "scoring.py"
        ended = subprocess.run(
            [sys.executable, str(program), str(root / "input"), str(output)],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"SCORING_NAME_ERRORS": "1"},
        )
        if ended.returncode:
            raise KitError(ended.stderr.strip() or f"scoring ended with {ended.returncode}")
        scores = read_scores(output)
        if keep_in:
            _keep(output, keep_in)
    return scores


def _stage(root: Path, predictions: Path, reference: Path) -> Path:
    results, references, output = root / "input/res", root / "input/ref", root / "output"
    for folder in (results, references, output):
        folder.mkdir(parents=True)
    with writing(results / PREDICTIONS_FILE, f"the copy of {predictions}"):
        shutil.copyfile(predictions, results / PREDICTIONS_FILE)
    copy_files(reference, references)
    return output


def _keep(output: Path, folder: Path) -> None:
    for name in ("scores.json", REPORT_FILE):
        if (output / name).is_file():
            with replacing(folder / name, "the result of scoring") as temporary:
                shutil.copyfile(output / name, temporary)
