"""Scoring step: compare predictions.txt with the reference table, write scores.json and a report.

python3 scoring.py INPUT_DIR OUTPUT_DIR
"""

from __future__ import annotations

import csv
import html
import json
import math
import sys
from pathlib import Path

Table = dict[str, float]  # file name of the image -> share of the leaf


def mean_error(truth: Table, predicted: Table) -> float:
    """Return the mean absolute difference: the metric that ranks. Write yours here."""
    return sum(abs(predicted[name] - truth[name]) for name in truth) / len(truth)


def within_ten(truth: Table, predicted: Table) -> float:
    """Return the share of images whose prediction differs by at most 0.1."""
    return sum(abs(predicted[name] - truth[name]) <= 0.1 for name in truth) / len(truth)


# The key of each leaderboard column in competition.yaml, and the function that computes it.
METRICS = {"mean_error": mean_error, "within_ten": within_ten}


def main(input_dir: Path, output_dir: Path) -> None:
    """Score all images or none: half a test set has no score."""
    problems: list[str] = []
    truth = read(input_dir / "ref" / "reference.csv", 1, problems)
    predicted = read(input_dir / "res" / "predictions.txt", 0, problems)
    problems += [f"{name}: no prediction" for name in sorted(truth.keys() - predicted.keys())]
    problems += [f"{name}: no such image" for name in sorted(predicted.keys() - truth.keys())]
    if problems:
        sys.exit("No score, because of the predictions:\n" + "\n".join(problems[:50]))
    scores = {key: metric(truth, predicted) for key, metric in METRICS.items()}
    (output_dir / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
    (output_dir / "detailed_results.html").write_text(report(scores), encoding="utf-8")


def read(path: Path, headers: int, problems: list[str]) -> Table:
    """Read rows of file name and number; add everything that is wrong to `problems`."""
    table: Table = {}
    if not path.is_file():
        problems.append(f"{path.name}: expected this file, found nothing")
        return table
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for row in list(csv.reader(stream))[headers:]:
            value = number(row[1]) if len(row) == 2 else math.nan
            if not math.isfinite(value) or row[0] in table:
                problems.append(f"{path.name}: expected one name,number an image, found {row}")
            else:
                table[row[0]] = value
    return table


def number(text: str) -> float:
    """Return a text as a number, NaN where it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def report(scores: dict[str, float]) -> str:
    """Return the page that a participant sees next to the submission."""
    rows = "".join(f"<tr><td>{html.escape(k)}<td>{v:.4f}" for k, v in scores.items())
    return f"<!doctype html><meta charset=utf-8><title>Scores</title><table>{rows}</table>"


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
