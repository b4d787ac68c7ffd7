"""Test pictures with their answers, and what a system's answers score with given thresholds."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.common.errors import DataError
from training.reid.thresholds.calibrate import Answers
from training.reid.thresholds.halves import half_scores
from wildlife_scoring.reid.metrics import threshold_curve


@dataclass(frozen=True)
class Test:
    """Queries (q,) with their answers."""

    paths: tuple[Path, ...]
    identity: NDArray[np.str_]
    dataset: NDArray[np.str_]
    new: NDArray[np.bool_]


def read_test(pictures: Path, reference: Path) -> Test:
    """Raises DataError where the table or a picture is not there."""
    try:
        with reference.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        paths = tuple(pictures / row["filename"] for row in rows)
        columns = [np.array([row[key] for row in rows]) for key in ("identity", "dataset")]
        new = np.array([row["new_identity"].lower() == "true" for row in rows])
    except (OSError, KeyError) as error:
        raise DataError(f"{reference}: expected a reid reference table: {error}") from error
    if missing := [str(path) for path in paths if not path.is_file()]:
        raise DataError(f"{len(missing)} pictures of {reference} are missing: {missing[:5]}")
    return Test(paths, columns[0], columns[1], new)


def rule_scores(
    answers: Mapping[str, Answers], rules: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """The leaderboard's score with each rule, `hindsight`, and what `half_scores` finds for `ours`.

    answers: of each dataset; rules: by the rule's name, the threshold of each dataset.
    """
    found = {
        rule: float(np.mean([one.at(values[name]) for name, one in answers.items()]))
        for rule, values in rules.items()
    }
    curves = [
        threshold_curve(one.identity, one.new, one.nearest, one.score) for one in answers.values()
    ]
    found["hindsight"] = float(np.mean([curve.score.max() for curve in curves]))
    return found | half_scores(answers, rules["ours"])
