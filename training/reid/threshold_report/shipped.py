"""Compare the thresholds that the fusing submissions ship with to the oracle thresholds.

The scores of such a submission are those that its own ingestion run lists in candidates.csv.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np

from training.common.errors import DataError
from training.common.readme_scores import METADATA, run_python
from training.reid.threshold_report.labelled_queries import LabelledQueries, rule_scores
from training.reid.thresholds.choose import Predictions
from wildlife_scoring.candidates import FILE_NAME, Candidates, CandidatesError, read_candidates
from wildlife_scoring.reid.metrics import NEW

ROOT = Path(__file__).resolve().parents[3]

# The threshold that was published with a fusion of calibrated scores (AnimalCLEF 2025, third
# party code visan-ionut, see the README of megadescriptor_convnext); log-odds have none.
SHIPPED = {"wildfusion": 0.45, "megadescriptor_convnext": 0.45, "open_set_ensemble": None}


def shipped_scores(
    folder: Path, queries: LabelledQueries, metadata: Path, fixed: float | None
) -> dict[str, float]:
    """Scores with the folder's own thresholds (`ours`), with `fixed`, and with the oracle's.

    Raises DataError, and RuntimeError where the submission does not run.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    candidates = _candidates(folder, queries, metadata)
    predictions = {}
    for name in np.unique(queries.dataset).tolist():
        rows = queries.dataset == name
        best = np.asarray(candidates.best[rows], dtype=np.str_)
        score = candidates.score[rows]
        predictions[name] = Predictions(queries.identity[rows], best, score, queries.new[rows])
    rules = {"ours": {name: float(config["thresholds"][name]) for name in predictions}}
    if fixed is not None:
        rules["published"] = dict.fromkeys(predictions, fixed)
    return rule_scores(predictions, rules)


def _candidates(folder: Path, queries: LabelledQueries, metadata: Path) -> Candidates:
    """Run the submission on the test images and read the individuals that it lists."""
    program = ROOT / "ingestion_program"
    with tempfile.TemporaryDirectory() as name:
        images, output = Path(name, "images"), Path(name, "output")
        images.mkdir()
        output.mkdir()
        for path in queries.paths:
            shutil.copy(path, images)
        shutil.copy(metadata, images / METADATA)
        run_python(program / "ingestion.py", images, output, program, folder)
        names = [path.name for path in queries.paths]
        try:
            return read_candidates(output / FILE_NAME, names, queries.identity.tolist(), {NEW})
        except CandidatesError as error:
            raise DataError(f"{folder}: candidates.csv cannot be used: {error}") from error
