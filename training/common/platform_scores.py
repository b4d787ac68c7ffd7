"""Score a submission folder as the platform does: the ingestion and then the scoring program."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from training.common.errors import ScriptError
from training.common.submission_files import ROOT


def run_python(*arguments: object) -> None:
    """Run one of our Python programs from the root of the repository.

    Raises ScriptError with the end of what it printed.
    """
    command = [sys.executable, *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if result.returncode != 0:
        name = " ".join(command[1:3] if command[1] == "-m" else command[1:2])
        tail = (result.stdout + result.stderr)[-2000:]
        raise ScriptError(f"{name} ended with status {result.returncode}:\n{tail}")


def score_images(submission: Path, images: Path, reference: Path) -> dict[str, float]:
    """Return the leaderboard's scores of a submission on the images of one folder, by key."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        output, scored = work / "output", work / "scored"
        for folder in (output, scored, work / "input" / "res", work / "input" / "ref"):
            folder.mkdir(parents=True)
        program = ROOT / "ingestion_program"
        run_python(program / "ingestion.py", images, output, program, submission)
        shutil.copy(output / "predictions.txt", work / "input" / "res")
        shutil.copy(reference, work / "input" / "ref")
        run_python(ROOT / "scoring_program" / "scoring.py", work / "input", scored)
        scores: dict[str, float] = json.loads((scored / "scores.json").read_text(encoding="utf-8"))
        return scores
