"""Test images with their labels, and the scores of a system's predictions with given thresholds."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.common.errors import DataError
from training.reid.thresholds.choose import Predictions
from training.reid.thresholds.halves import half_scores

ORACLE = "oracle threshold"


@dataclass(frozen=True)
class LabelledQueries:
    """Query images (q,) with their labels, each (q,)."""

    paths: tuple[Path, ...]
    identity: NDArray[np.str_]
    dataset: NDArray[np.str_]
    new: NDArray[np.bool_]


def read_queries(images: Path, reference: Path) -> LabelledQueries:
    """Read a reference table. Raises DataError where the table or an image is missing."""
    try:
        with reference.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        paths = tuple(images / row["filename"] for row in rows)
        identity = np.array([row["identity"] for row in rows])
        dataset = np.array([row["dataset"] for row in rows])
        new = np.array([row["new_identity"].lower() == "true" for row in rows])
    except (OSError, KeyError) as error:
        raise DataError(f"{reference}: expected a reid reference table: {error}") from error
    if missing := [str(path) for path in paths if not path.is_file()]:
        raise DataError(f"{len(missing)} images of {reference} are missing: {missing[:5]}")
    return LabelledQueries(paths, identity, dataset, new)


def rule_scores(
    predictions: Mapping[str, Predictions], rules: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """The leaderboard's score with each rule and with the ORACLE, and `half_scores` of `ours`.

    predictions: of each dataset; rules: by the rule's name, the threshold of each dataset.
    """
    scores = {
        rule: float(np.mean([one.at(values[name]) for name, one in predictions.items()]))
        for rule, values in rules.items()
    }
    scores[ORACLE] = float(np.mean([one.best_score() for one in predictions.values()]))
    return scores | half_scores(predictions, rules["ours"])
