"""Compare detectors trained with and without made frames, on cameras that neither has seen.

    python -m training.anomaly.compare_synthetic --data DIR --count 200
    python -m training.anomaly.compare_synthetic --data DIR --count 200 --log NAME

A fifth of DIR's frames, whole locations (or sequences), is held out. training.anomaly.synthesize
makes frames of the others. One detector is trained on the others alone, one on both, in as many
steps. Each is measured on the held-out frames, and so is the anomaly score in its boxes, with each
species left out in turn (training/anomaly/species/detected.py). `--log NAME` writes the table into
training/LOG.md, between the marks of the block NAME.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kit.markdown import table
from training.anomaly.camera_traps import IMAGES, Frame, read_camera_traps
from training.anomaly.compare_served import MEASURES
from training.anomaly.detection.examples import Examples
from training.anomaly.detection.recipe import (
    ANIMAL,
    LOCATION,
    PRESETS,
    SEQUENCE,
    Recipe,
    canvas_of,
    without_threshold,
)
from training.anomaly.found import LOWER, found_in
from training.anomaly.simclr.recipe import FROZEN, build
from training.anomaly.species.detected import Validation, in_proportion, measured
from training.anomaly.species.features import check_species
from training.anomaly.synthesize import synthesize
from training.anomaly.train_detector import Trained, described, split, trained
from training.common.console import say
from training.common.digests import short_digest
from training.common.log_blocks import expect_block, log_table
from training.common.script import add_recipe_options, changed, parser, run
from wildlife_anomaly.detector import Detector
from wildlife_anomaly.encoder import ServedEncoder

REAL = "real"  # the link in a folder of made frames that leads to the real ones
TITLES = ["trained on", "frames", "epochs", "mAP", "AP50", "average recall",
          "AUROC", "worst species", "recall at 95 % TNR"]  # fmt: skip
_SETTINGS = MEASURES["one-class SVMs and relative Mahalanobis"]


def made_of(
    data: Path, frames: Sequence[Frame], folder: Path, count: int, seed: int
) -> list[Frame]:
    """Make frames of DIR's `frames` in FOLDER, and link DIR's images as FOLDER/images/REAL."""
    synthesize(data, frames, folder, count, seed)
    made = read_camera_traps(folder)
    (folder / IMAGES / REAL).symlink_to((data / IMAGES).resolve(), target_is_directory=True)
    return made


def linked(frames: Sequence[Frame]) -> list[Frame]:
    """Return the frames by their names in a folder of made frames."""
    return [replace(frame, file_name=f"{REAL}/{frame.file_name}") for frame in frames]


def rows_of(
    folder: Path, parts: dict[str, list[Frame]], held: list[Frame], recipe: Recipe
) -> list[list[str]]:
    """Train a detector on each part, the first of which is the real frames; return the cells."""
    encoder = ServedEncoder(build(FROZEN)[0].eval())
    real = next(iter(parts.values()))
    rows = []
    for title, frames in parts.items():
        epochs = max(1, round(recipe.epochs * len(real) / len(frames)))
        examples = Examples(folder / IMAGES, frames, canvas_of(real, recipe.canvas_area), [ANIMAL])
        names = "\n".join(frame.file_name for frame in frames)
        saved = (folder / f"{short_digest(names)}.pt", "")
        made = trained(examples, held, replace(recipe, epochs=epochs), saved)
        say(f"{title}: {described(made.measured)}")
        score = anomaly_cells(folder, (real, held), made, examples, encoder)
        values = made.measured.rounded()
        kept = (values[name] for name in ("mean_average_precision", "ap50", "average_recall"))
        rows.append([title, str(len(frames)), str(epochs), *(f"{one:.3f}" for one in kept), *score])
    return rows


def anomaly_cells(
    folder: Path,
    parts: tuple[list[Frame], list[Frame]],
    made: Trained,
    examples: Examples,
    encoder: ServedEncoder,
) -> list[str]:
    """Return AUROC, worst species and recall of the anomaly score in a detector's boxes.

    parts: frames whose crops are known, and held-out frames.
    """
    detector = Detector(without_threshold(made.settings), made.network)
    found = found_in(detector, made.measured.threshold, replace(examples, frames=parts[1]))
    rounds = Validation.read(folder, parts, found, encoder).rounds(_SETTINGS, true=False)
    values = measured(rounds, in_proportion(LOWER * made.measured.threshold))
    return [f"{value:.3f}" for value in values]


def compare(options: argparse.Namespace, recipe: Recipe) -> None:
    """Print the table, and write it where it is asked for. Raises ScriptError."""
    if options.log:
        expect_block(options.log)
    training, held = split(read_camera_traps(options.data), recipe, options.hold_out)
    check_species(training)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "made"
        made = made_of(options.data, training, folder, options.count, recipe.seed)
        real = linked(training)
        parts = {"real frames": real, "real and made frames": [*real, *made]}
        rows = rows_of(folder, parts, linked(held), recipe)
    for cells in [TITLES, *rows]:
        say(" | ".join(cells))
    if options.log:
        log_table(options.log, "\n".join(table(TITLES, rows)))


def main(arguments: list[str] | None = None) -> int:
    made = parser("training.anomaly.compare_synthetic", "Compare detectors with made frames.")
    made.add_argument("--data", type=Path, required=True, help="annotations.json and images/")
    made.add_argument("--count", type=int, default=200, help="frames to make")
    made.add_argument("--preset", choices=sorted(PRESETS), default="imagenet")
    made.add_argument("--hold-out", choices=(SEQUENCE, LOCATION), default=LOCATION)
    made.add_argument("--log", metavar="NAME", help="write the table into training/LOG.md")
    add_recipe_options(made, Recipe, ("epochs", "batch", "canvas_area", "validation_share", "seed"))
    options = made.parse_args(arguments)
    if options.count < 1:
        made.error(f"--count {options.count}: expected 1 or more")
    recipe = changed(PRESETS[options.preset], options)
    return run(options, lambda: compare(options, recipe))


if __name__ == "__main__":
    raise SystemExit(main())
