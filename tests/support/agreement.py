"""When a submission's single and batched answers are the same: the rule of its contract.

They agree within 1e-3 of the score's range, and in the label unless the decision lies within that
of its threshold, or of the next individual's score.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

SHARE = 1e-3
Answers = Mapping[str, str]


def differing_scores(single: Answers, batched: Answers) -> list[str]:
    """Return a line for each image whose two scores differ by more than the rule allows."""
    values = [float(answer) for answer in batched.values()]
    allowed = SHARE * (max(values) - min(values))
    return [
        f"{name}: {answer} alone, {batched[name]} in a batch"
        for name, answer in single.items()
        if abs(float(answer) - float(batched[name])) > allowed
    ]


def differing_labels(
    single: Answers, batched: Answers, candidates: Sequence[Path], config: Path
) -> list[str]:
    """Return a line for each image with another label than its decision's margin explains.

    candidates: the tables candidates.csv of the batches; config: config.json with `thresholds`.
    A submission without scores (neither is there) has to give the same labels.
    """
    scores = _scores(candidates)
    thresholds = json.loads(config.read_text()).get("thresholds", {}).values() if scores else ()
    listed = [score for values in scores.values() for score in values]
    allowed = SHARE * (max(listed) - min(listed)) if listed else 0.0

    def near(name: str) -> bool:
        best, *others = scores.get(name) or [float("inf")]
        return any(abs(best - limit) <= allowed for limit in [*thresholds, *others[:1]])

    return [
        f"{name}: {answer} alone, {batched[name]} in a batch"
        for name, answer in single.items()
        if answer != batched[name] and not near(name)
    ]


def _scores(tables: Sequence[Path]) -> dict[str, list[float]]:
    """The scores of each image's candidates, best first."""
    found: dict[str, list[float]] = {}
    for table in tables:
        if table.is_file():
            with table.open(newline="", encoding="utf-8") as stream:
                for row in csv.DictReader(stream):
                    found.setdefault(row["filename"], []).append(float(row["score"]))
    return found
