"""Scoring step: score the predictions by the metric of a challenge.

python3 scoring.py INPUT_DIR OUTPUT_DIR METRIC, where METRIC is a module of challenge_metrics.
"""

from __future__ import annotations

import html
import json
import sys
from importlib import import_module
from pathlib import Path


def main(input_dir: Path, output_dir: Path, metric: str) -> None:
    """Score everything or nothing: a part of the predictions has no score."""
    problems: list[str] = []
    module = import_module(f"challenge_metrics.{metric}")
    scores: dict[str, float] = module.score(input_dir / "ref", input_dir / "res", problems)
    if problems:
        sys.exit("\n  - ".join(["ERROR: no score, because of the tables", *problems]))
    (output_dir / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
    rows = "".join(f"<tr><td>{html.escape(key)}<td>{value:.6g}" for key, value in scores.items())
    page = f"<!doctype html><meta charset=utf-8><title>Scores</title><table>{rows}</table>"
    (output_dir / "detailed_results.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
