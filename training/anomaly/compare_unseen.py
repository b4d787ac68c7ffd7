"""Compare rules for a frame's score where the detector has not seen the left-out species either.

    python -m training.anomaly.compare_unseen --data DIR
    python -m training.anomaly.compare_unseen --data DIR --hold-out location --log NAME

`training.anomaly.compare_served` judges the boxes of a detector that was trained on the left-out
species too. Here each species of DIR is painted over in turn, a detector is trained on what is left
(training.anomaly.train_detector, kept in runs/anomaly), and its boxes in the held-out frames, as
they were, are judged. So a species is as new to the detector as it is in a test. Known are the
species alone, or the detector's false alarms in the training frames too, as one more class
(training/anomaly/species/background.py). `--log NAME` writes the table into training/LOG.md,
between the marks of the block NAME.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

import numpy as np
from PIL import Image

from kit.markdown import table
from training.anomaly.camera_traps import (
    ANNOTATIONS,
    IMAGES,
    Frame,
    read_camera_traps,
    write_camera_traps,
)
from training.anomaly.compare_served import MEASURES, held_out
from training.anomaly.detection.files import SETTINGS
from training.anomaly.detection.recipe import LOCATION, PRESETS, SEQUENCE
from training.anomaly.found import found_by
from training.anomaly.parts import RUNS
from training.anomaly.simclr.recipe import FROZEN, build
from training.anomaly.species.background import with_background, without_scarce_background
from training.anomaly.species.detected import (
    Lights,
    Rule,
    Seen,
    Validation,
    detected,
    in_proportion,
    largest,
    measured,
)
from training.anomaly.species.features import check_species, read_animals
from training.anomaly.synthesize import painted_over
from training.anomaly.train_detector import main as train_detector
from training.common.console import say
from training.common.digests import short_digest
from training.common.errors import TrainingError
from training.common.images import save_image
from training.common.log_blocks import expect_block, log_table
from training.common.script import parser, run
from wildlife_anomaly.encoder import ServedEncoder
from wildlife_image.rgb import to_rgb

TITLES = [
    "measure",
    "known classes",
    "score of a frame",
    "AUROC",
    "worst species",
    "recall at 95 % TNR",
]
SPECIES, WITH_BACKGROUND = "species", "species and background"
SHARES = (0.5, 0.75, 1.0)  # of the threshold of the greatest F1


@dataclass(frozen=True)
class Judged:
    """By known classes: the held-out frames; and the detector's threshold of the greatest F1."""

    by: dict[str, Validation]
    threshold: float


Unseen = dict[str, Judged]  # by the left-out species, which its detector has not seen


def without(frames: Sequence[Frame], species: str) -> list[Frame]:
    """Return the frames without the boxes of a species."""
    return [replace(f, boxes=tuple(b for b in f.boxes if b.species != species)) for f in frames]


def painted_copy(data: Path, frames: Sequence[Frame], species: str, folder: Path) -> None:
    """Copy DIR without a species: painted over in the images, left out of the annotations."""
    if (folder / ANNOTATIONS).is_file():
        return
    for frame in frames:
        source, target = data / IMAGES / frame.file_name, folder / IMAGES / frame.file_name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        own = [box for box in frame.boxes if box.species == species]
        if own:
            with Image.open(source) as image:
                filled = painted_over(np.array(to_rgb(image)), own)
            save_image(Image.fromarray(filled), target)
        else:
            target.symlink_to(source.resolve())
    write_camera_traps(folder / ANNOTATIONS, without(frames, species))


def trained_without(
    data: Path, frames: Sequence[Frame], species: str, options: argparse.Namespace
) -> Path:
    """Return the folder of a detector that has not seen a species; train it where it is not kept.

    Raises TrainingError.
    """
    kept = short_digest(data / ANNOTATIONS, f"{species} {options.preset} {options.hold_out}")
    folder = RUNS / f"unseen-{kept}"
    if not (folder / SETTINGS).is_file():
        say(f"trains a detector without {species}, into {folder}")
        painted_copy(data, frames, species, folder / "data")
        command = ["--data", str(folder / "data"), "--out", str(folder)]
        command += ["--preset", options.preset, "--hold-out", options.hold_out]
        if train_detector(command):
            raise TrainingError(f"no detector without {species}; its own message is above")
    return folder


def background_of(
    folder: Path, frames: Sequence[Frame], species: str, encoder: ServedEncoder
) -> Lights:
    """Return the known animals without a species, and its detector's false alarms among them."""
    left = without(frames, species)
    found, _ = found_by(folder, folder / "data" / IMAGES, left)
    animals = read_animals(folder / "data", with_background(left, found), encoder)
    return without_scarce_background(*animals)


def validations(options: argparse.Namespace) -> Unseen:
    """Return for each left-out species the held-out frames, judged by its own detector's boxes."""
    frames = read_camera_traps(options.data)
    check_species(frames)
    names = sorted({box.species for frame in frames for box in frame.boxes})
    folders = {name: trained_without(options.data, frames, name, options) for name in names}
    fitted, held = held_out(folders[names[0]], frames)  # the same for all, by groups and seed
    encoder = ServedEncoder(build(FROZEN)[0].eval())
    lights, true = (read_animals(options.data, part, encoder) for part in (fitted, held))
    made = {}
    for name, folder in folders.items():
        found, threshold = found_by(folder, options.data / IMAGES, held)
        boxes = read_animals(options.data, detected(held, found), encoder)
        plain = Validation(held, found, lights, true, boxes)
        more = replace(plain, fitted=background_of(folder, fitted, name, encoder))
        made[name] = Judged({SPECIES: plain, WITH_BACKGROUND: more}, threshold)
    return made


def rows_of(made: Unseen) -> list[list[str]]:
    """Return the table's cells: each measure by true boxes, and by found ones with each rule."""
    rows = []
    for (title, settings), known in itertools.product(MEASURES.items(), (SPECIES, WITH_BACKGROUND)):
        true, found = (
            {name: one.by[known].seen(settings, kind, name) for name, one in made.items()}
            for kind in (True, False)
        )
        largest_of_all = {name: largest(0) for name in made}
        words = "true boxes, the largest evidence"
        rows.append([title, known, words, *_cells(true, largest_of_all)])
        for share in SHARES:
            rules = {name: in_proportion(share * one.threshold) for name, one in made.items()}
            words = f"in proportion to confidence, {share:g} of the threshold"
            rows.append([title, known, words, *_cells(found, rules)])
    return rows


def _cells(seen: dict[str, list[Seen]], rules: dict[str, Rule]) -> list[str]:
    """Mean and worst AUROC and mean recall over the left-out species, each by its own rule."""
    each = [measured({name: frames}, rules[name]) for name, frames in seen.items()]
    areas, worst, recalls = zip(*(one for one in each if not math.isnan(one[0])), strict=True)
    return [f"{value:.3f}" for value in (mean(areas), min(worst), mean(recalls))]


def compare(options: argparse.Namespace) -> None:
    """Print the table, and write it where it is asked for. Raises ScriptError."""
    if options.log:
        expect_block(options.log)
    rows = rows_of(validations(options))
    for cells in [TITLES, *rows]:
        say(" | ".join(cells))
    if options.log:
        log_table(options.log, "\n".join(table(TITLES, rows)))


def main(arguments: list[str] | None = None) -> int:
    made = parser("training.anomaly.compare_unseen", "Compare rules for new species.")
    made.add_argument("--data", type=Path, required=True, help="annotations.json and images/")
    made.add_argument("--preset", choices=sorted(PRESETS), default="imagenet")
    made.add_argument("--hold-out", choices=(SEQUENCE, LOCATION), default=SEQUENCE)
    made.add_argument("--log", metavar="NAME", help="write the table into training/LOG.md")
    options = made.parse_args(arguments)
    return run(options, lambda: compare(options))


if __name__ == "__main__":
    raise SystemExit(main())
