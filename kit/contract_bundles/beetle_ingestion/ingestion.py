"""Prediction step: ask the submission's model for every event of beetles, write predictions.csv.

python3 ingestion.py INPUT_DIR OUTPUT_DIR SUBMISSION_DIR
"""

from __future__ import annotations

import csv
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from PIL import Image

VARIABLES = ("SPEI_30d", "SPEI_1y", "SPEI_2y")
IMAGES = {
    "relative_img": "relative_img_loc",
    "colorpicker_img": "colorpicker_path",
    "scalebar_img": "scalebar_path",
}


def main(input_dir: Path, output_dir: Path, submission: Path) -> None:
    """Predict all events, in the order of their numbers."""
    sys.path[:] = [*sys.path, str(submission)]  # last, as in the official program
    model: Any = import_module("model").Model()
    model.load()
    with (output_dir / "predictions.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["eventID", "variable", "parameter", "prediction"])
        for event, beetles in sorted(events(input_dir).items()):
            check(event, answer := model.predict(beetles))
            for name in VARIABLES:
                for parameter in ("mu", "sigma"):
                    table.writerow([event, name, parameter, round(answer[name][parameter], 4)])


def events(input_dir: Path) -> dict[int, list[dict[str, Any]]]:
    """Return the beetles of each event, as the official program hands them over."""
    found: dict[int, list[dict[str, Any]]] = {}
    with (input_dir / "input.csv").open(encoding="utf-8-sig", newline="") as stream:
        for row in csv.DictReader(stream):
            beetle: dict[str, Any] = {
                key: Image.open(input_dir / row[column]) for key, column in IMAGES.items()
            }
            beetle |= {"scientificName": row["scientificName"], "domainID": int(row["domainID"])}
            found.setdefault(int(row["eventID"]), []).append(beetle)
    return found


def check(event: int, answer: Any) -> None:
    """Stop with a message at an answer that the official program refuses."""
    if not isinstance(answer, dict) or set(answer) != set(VARIABLES):
        sys.exit(f"event {event}: expected a dict of {', '.join(VARIABLES)}, found {answer!r}")
    for name, given in answer.items():
        if not isinstance(given, dict) or set(given) != {"mu", "sigma"}:
            sys.exit(f"event {event}: {name}: expected a dict of mu and sigma, found {given!r}")
        if wrong := [value for value in given.values() if not isinstance(value, float)]:
            sys.exit(f"event {event}: {name}: expected Python floats, found {wrong[0]!r}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
