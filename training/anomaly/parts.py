"""The networks that a submission of this track stands on: given by a folder, or trained first.

What is trained here is kept in runs/anomaly, by data and preset, so that both submissions share it
and a killed run resumes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from training.anomaly.camera_traps import ANNOTATIONS
from training.anomaly.detection.files import SETTINGS as DETECTOR_SETTINGS
from training.anomaly.simclr.files import SETTINGS as ENCODER_SETTINGS
from training.anomaly.simclr.recipe import Recipe
from training.anomaly.train_detector import main as train_detector
from training.anomaly.train_simclr import train_encoder
from training.common.console import say
from training.common.digests import short_digest
from training.common.errors import TrainingError
from training.common.submission_files import ROOT

RUNS = ROOT / "runs" / "anomaly"


def add_part_options(made: argparse.ArgumentParser) -> None:
    """Add the options that name folders of networks which are trained already."""
    made.add_argument(
        "--detector", type=Path, metavar="FOLDER",
        help="of training.anomaly.train_detector; trained first where it is not given",
    )  # fmt: skip
    made.add_argument(
        "--encoder", type=Path, metavar="FOLDER",
        help="of training.anomaly.train_simclr; trained first where it is not given",
    )  # fmt: skip


def detector_folder(given: Path | None, data: Path, preset: str) -> Path:
    """Return the folder of the detector; train it where it is neither given nor kept.

    Raises TrainingError.
    """
    folder = given or RUNS / f"detector-{preset}-{short_digest(data / ANNOTATIONS)}"
    if given is None and not (folder / DETECTOR_SETTINGS).is_file():
        say(f"trains the detector first, into {folder}")
        command = ["--data", str(data), "--out", str(folder), "--preset", preset]
        if train_detector(command):
            raise TrainingError("the detector could not be trained; its own message is above")
    return folder


def encoder_folder(given: Path | None, data: Path, preset: str, recipe: Recipe) -> Path:
    """Return the folder of the encoder; train it where it is neither given nor kept.

    Raises DataError and TrainingError.
    """
    if given is not None:
        return given
    kept = short_digest(data / ANNOTATIONS, repr(recipe))
    folder = RUNS / f"encoder-{preset}-{kept}"
    if not (folder / ENCODER_SETTINGS).is_file():
        say(f"trains the encoder first, into {folder}")
        train_encoder(data, folder, recipe)
    return folder
