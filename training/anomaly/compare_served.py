"""Compare rules for a frame's score inside the training data, in the detector's own boxes.

    python -m training.anomaly.compare_served --data DIR --detector FOLDER
    python -m training.anomaly.compare_served --data DIR --detector FOLDER --log NAME

FOLDER is of training.anomaly.train_detector on DIR; its held-out frames are judged, with each
species left out in turn (training/anomaly/species/detected.py), by frozen features. Other cameras
are a harder test than other sequences: `train_detector --hold-out location`. `--log NAME` writes
the table into training/LOG.md, between the marks of the block NAME.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from kit.markdown import table
from training.anomaly.camera_traps import IMAGES, Frame, read_camera_traps
from training.anomaly.detection.files import REPORT
from training.anomaly.found import LOWER, found_by
from training.anomaly.simclr.recipe import FROZEN, build
from training.anomaly.species.detected import Validation, in_proportion, largest, measured
from training.anomaly.species.fit import Setting
from training.common.console import say
from training.common.errors import FolderError
from training.common.log_blocks import expect_block, log_table
from training.common.script import parser, run
from wildlife_anomaly.anomaly_model import ENCODED
from wildlife_anomaly.encoder import ServedEncoder
from wildlife_anomaly.scores import MAHALANOBIS, NEIGHBOURS, SVM

TITLES = ["measure", "boxes", "score of a frame", "AUROC", "worst species", "recall at 95 % TNR"]
_ONE_CLASS = Setting(ENCODED, SVM, 0.05, 1.0)
MEASURES = {
    "one-class SVMs": (_ONE_CLASS,),
    "one-class SVMs and relative Mahalanobis": (_ONE_CLASS, Setting(ENCODED, MAHALANOBIS)),
    "one-class SVMs, neighbours and relative Mahalanobis": (
        _ONE_CLASS,
        Setting(ENCODED, NEIGHBOURS),
        Setting(ENCODED, MAHALANOBIS),
    ),
}


def held_out(folder: Path, frames: list[Frame]) -> tuple[list[Frame], list[Frame]]:
    """Return the frames that a detector was trained on and those held out. Raises FolderError."""
    path = folder / REPORT
    try:
        names = set(json.loads(path.read_text(encoding="utf-8"))["held_out_files"])
    except (OSError, ValueError, KeyError) as error:
        raise FolderError(f"{path}: expected a report of train_detector: {error!r}") from error
    unknown = names - {frame.file_name for frame in frames}
    if unknown or not names:
        raise FolderError(f"{path}: held-out frames that the data lacks: {sorted(unknown)[:5]}")
    inside = [frame for frame in frames if frame.file_name not in names]
    return inside, [frame for frame in frames if frame.file_name in names]


def rows_of(validation: Validation, threshold: float) -> list[list[str]]:
    """Return the table's cells; threshold: the detector's, of the greatest F1."""
    share = f"{LOWER:g} of the threshold"
    rules = [
        ("true", "the largest evidence", largest(0)),
        ("detected", "the largest evidence, threshold of the greatest F1", largest(threshold)),
        ("detected", f"the largest evidence, {share}", largest(LOWER * threshold)),
        ("detected", "in proportion to confidence, the threshold", in_proportion(threshold)),
        ("detected", f"in proportion to confidence, {share}", in_proportion(LOWER * threshold)),
    ]
    rows = []
    for title, settings in MEASURES.items():
        rounds = {kind: validation.rounds(settings, kind == "true") for kind, _, _ in rules}
        for kind, words, rule in rules:
            values = measured(rounds[kind], rule)
            rows.append([title, kind, words, *(f"{value:.3f}" for value in values)])
    return rows


def compare(options: argparse.Namespace) -> None:
    """Print the table, and write it where it is asked for. Raises ScriptError."""
    if options.log:
        expect_block(options.log)
    parts = held_out(options.detector, read_camera_traps(options.data))
    found, threshold = found_by(options.detector, options.data / IMAGES, parts[1])
    encoder = ServedEncoder(build(FROZEN)[0].eval())
    rows = rows_of(Validation.read(options.data, parts, found, encoder), threshold)
    for cells in [TITLES, *rows]:
        say(" | ".join(cells))
    if options.log:
        log_table(options.log, "\n".join(table(TITLES, rows)))


def main(arguments: list[str] | None = None) -> int:
    made = parser("training.anomaly.compare_served", "Compare rules in the detector's boxes.")
    made.add_argument("--data", type=Path, required=True, help="annotations.json and images/")
    made.add_argument("--detector", type=Path, required=True, help="of train_detector on DIR")
    made.add_argument("--log", metavar="NAME", help="write the table into training/LOG.md")
    options = made.parse_args(arguments)
    return run(options, lambda: compare(options))


if __name__ == "__main__":
    raise SystemExit(main())
