"""The folder of a trained detector: what a submission takes, and how it came about.

detector.json      the settings of `Detector`, threshold included
weights/           what training changed (safetensors), and the base's file
report.json        recipe, held-out groups and measured values
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.anomaly.detection.recipe import WEIGHTS
from training.common.atomic import write_all
from training.common.base_network import base_files, base_tensors, round_to_half
from training.common.errors import FolderError
from wildlife_anomaly.detector import Detector
from wildlife_anomaly.detector_network import DetectorNetwork

SETTINGS, REPORT = "detector.json", "report.json"


def network_bytes(network: DetectorNetwork, settings: Mapping[str, Any]) -> bytes:
    """Round what training changed to half precision, in the network as in the returned file.

    Raises TrainingError where half precision cannot hold a value.
    """
    return round_to_half(network, base_tensors(network, settings) if "base" in settings else {})


def write_detector(
    folder: Path, settings: Mapping[str, Any], weights: bytes, report: Mapping[str, Any]
) -> int:
    """Write the folder; the settings come last. Return the bytes of the trained tensors."""
    base, _ = base_files(settings)
    contents = {**base, WEIGHTS: weights, REPORT: _json(report), SETTINGS: _json(settings)}
    write_all(folder, contents)
    return len(weights)


def read_settings(folder: Path) -> dict[str, Any]:
    """Return a trained detector's settings. Raises FolderError where the folder holds none."""
    path = folder / SETTINGS
    try:
        settings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FolderError(
            f"{path} cannot be read: {error}; expected a folder that "
            "`python -m training.anomaly.train_detector --out FOLDER` made"
        ) from error
    return settings


def read_detector(folder: Path) -> Detector:
    """Return a trained detector. Raises FolderError."""
    settings = read_settings(folder)
    try:
        detector = Detector(settings)
        detector.read(folder)
    except (OSError, ValueError, KeyError) as error:
        raise FolderError(f"{folder} holds no detector that can be used: {error}") from error
    return detector


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=2) + "\n").encode()
