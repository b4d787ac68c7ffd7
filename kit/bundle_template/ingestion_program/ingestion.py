"""Prediction step: load the submission's model, predict every image, write predictions.txt.

python3 ingestion.py INPUT_DIR OUTPUT_DIR SUBMISSION_DIR
"""

from __future__ import annotations

import csv
import math
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from PIL import Image

SUFFIXES = (".jpg", ".jpeg", ".png")


def main(input_dir: Path, output_dir: Path, submission: Path) -> None:
    """Predict all images, in the order of their names."""
    model = load_model(submission)
    paths = sorted(path for path in input_dir.iterdir() if path.suffix.lower() in SUFFIXES)
    with (output_dir / "predictions.txt").open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        for path in paths:
            rows.writerow([path.name, f"{predict(model, path):.6f}"])
    print(f"predicted {len(paths)} images")


def load_model(submission: Path) -> Any:
    """Import model.py of the submission, which may import modules next to it."""
    sys.path[:0] = [str(submission)]
    model = import_module("model").Model()
    model.load()
    return model


def predict(model: Any, path: Path) -> float:
    """Return the prediction for one image; stop with a message where it is no number."""
    with Image.open(path) as image:
        value = model.predict(image)
    if not isinstance(value, int | float) or not math.isfinite(value):
        sys.exit(f"{path.name}: expected predict to return a finite number, got {value!r}")
    return float(value)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
