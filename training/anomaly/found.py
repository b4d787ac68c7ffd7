"""A trained detector as a submission holds it, and what it finds in frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.anomaly.camera_traps import Frame
from training.anomaly.detection.examples import Examples
from training.anomaly.detection.files import read_detector, read_settings
from training.anomaly.detection.recipe import without_threshold
from training.anomaly.train_detector import detect_all
from training.common.errors import FolderError
from wildlife_anomaly.detector import Detection, Detector

# Of the threshold of the greatest F1. What is below it may be an animal of another kind, and counts
# for less (training.anomaly.compare_unseen).
LOWER = 0.5
DETECTOR_WEIGHTS = "weights/detector.safetensors"
Found = list[list[Detection]]  # of each frame, the surest first


def found_in(detector: Detector, threshold: float, examples: Examples) -> Found:
    """Return the detections from LOWER of the threshold on.

    threshold: of the greatest F1; the detector's own is to be without effect.
    """
    return [
        [one for one in boxes if one.score >= LOWER * threshold]
        for boxes in detect_all(detector, examples)
    ]


def found_by(folder: Path, images: Path, frames: Sequence[Frame]) -> tuple[Found, float]:
    """Return what the detector in a folder finds in frames, and its threshold of the greatest F1.

    images: the folder that the frames' file names are relative to. Raises FolderError.
    """
    own = read_detector(folder)
    detector = Detector(without_threshold(own.settings), own.network)
    examples = Examples(images, frames, own.network.canvas, own.labels)
    return found_in(detector, own.threshold, examples), own.threshold


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
