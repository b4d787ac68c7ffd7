"""The thresholds that the fusing submissions ship with, beside the best ones in hindsight.

What such a submission scores is what its own ingestion run lists in candidates.csv.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np

from training.common.errors import DataError
from training.common.readme_scores import METADATA, run_program
from training.reid.thresholds.calibrate import Answers
from training.reid.thresholds.labelled_test import Test, rule_scores
from wildlife_scoring.reid.candidates import FILE_NAME, Candidates, CandidatesError, read_candidates

ROOT = Path(__file__).resolve().parents[3]


# The threshold that was published with a fusion of calibrated scores (AnimalCLEF 2025, third
# party code visan-ionut, see the README of megadescriptor_convnext); log-odds have none.
SHIPPED = {"wildfusion": 0.45, "megadescriptor_convnext": 0.45, "open_set_ensemble": None}


def shipped_scores(
    folder: Path, test: Test, metadata: Path, fixed: float | None
) -> dict[str, float]:
    """Scores with the folder's own thresholds (`ours`), with `fixed`, and in hindsight.

    Raises DataError, and RuntimeError where the submission does not run.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    found = _candidates(folder, test, metadata)
    by_dataset = {}
    for name in np.unique(test.dataset).tolist():
        rows = test.dataset == name
        best = np.asarray(found.best[rows], dtype=np.str_)
        by_dataset[name] = Answers(test.identity[rows], best, found.score[rows], test.new[rows])
    rules = {"ours": {name: float(config["thresholds"][name]) for name in by_dataset}}
    if fixed is not None:
        rules["published"] = dict.fromkeys(by_dataset, fixed)
    return rule_scores(by_dataset, rules)


def _candidates(folder: Path, test: Test, metadata: Path) -> Candidates:
    """Run the submission on the test pictures and read the individuals that it lists."""
    program = ROOT / "ingestion_program"
    with tempfile.TemporaryDirectory() as name:
        pictures, output = Path(name, "pictures"), Path(name, "output")
        pictures.mkdir()
        output.mkdir()
        for path in test.paths:
            shutil.copy(path, pictures)
        shutil.copy(metadata, pictures / METADATA)
        run_program(program / "ingestion.py", pictures, output, program, folder)
        names = [path.name for path in test.paths]
        try:
            return read_candidates(output / FILE_NAME, names, test.identity.tolist())
        except CandidatesError as error:
            raise DataError(f"{folder}: candidates.csv cannot be used: {error}") from error
