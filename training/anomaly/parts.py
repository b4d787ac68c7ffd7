"""The networks that a submission of this track stands on: given by a folder, or trained first.

What is trained here is kept in runs/anomaly, by data and preset, so that both submissions share it
and a killed run resumes.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from training.anomaly.camera_traps import ANNOTATIONS, read_camera_traps
from training.anomaly.detection.files import SETTINGS as DETECTOR_SETTINGS
from training.anomaly.detection.files import read_settings
from training.anomaly.found import LOWER
from training.anomaly.simclr.files import SETTINGS as ENCODER_SETTINGS
from training.anomaly.simclr.recipe import Recipe
from training.anomaly.species.features import check_species
from training.anomaly.train_detector import main as train_detector
from training.anomaly.train_simclr import train_encoder
from training.common.console import say
from training.common.digests import short_digest
from training.common.errors import FolderError, TrainingError
from training.common.submission_files import ROOT

RUNS = ROOT / "runs" / "anomaly"
DETECTOR_WEIGHTS = "weights/detector.safetensors"


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


def check_data(data: Path) -> None:
    """Say what is wrong with DIR before hours of training, not after them. Raises DataError."""
    check_species(read_camera_traps(data))


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


def detector_part(folder: Path) -> tuple[dict[str, Any], bytes]:
    """Return settings and weights of a trained detector, as a submission holds them.

    Raises FolderError for a folder that holds none.
    """
    settings = read_settings(folder)
    try:
        weights = (folder / settings["weights"]).read_bytes()
    except OSError as error:
        raise FolderError(f"{folder} lacks the detector's weights: {error}") from error
    threshold = round(LOWER * float(settings["threshold"]), 4)
    return {**settings, "weights": DETECTOR_WEIGHTS, "threshold": threshold}, weights


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
