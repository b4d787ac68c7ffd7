"""Find images that show a person, by torchvision's Faster R-CNN (MobileNetV3, 320 pixels, BSD-3).

The published project tried a person detector at 0.85 and rejected it: hands that hold an animal
are persons too.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.models.detection import fasterrcnn_mobilenet_v3_large_320_fpn

from training.common.images import read_each
from training.family.filters.frame import FilterUnavailable, Flags, Given
from wildlife_image.rgb import to_rgb

PERSON, CLASSES = 1, 91  # of COCO, as torchvision numbers them
THRESHOLD = 0.85
WEIGHTS = "fasterrcnn_mobilenet_v3_large_320_fpn-907ea3f9.pth"


def network() -> torch.nn.Module:
    """Return the detector with weights at random."""
    made: torch.nn.Module = fasterrcnn_mobilenet_v3_large_320_fpn(
        weights=None, weights_backbone=None, num_classes=CLASSES
    )
    return made.eval()


def person_scores(paths: Sequence[Path], detector: torch.nn.Module) -> NDArray[np.float64]:
    """Return the highest score of a person in each image, 0 without one, (n,)."""
    found = np.zeros(len(paths))
    for row, path in enumerate(paths):
        (image,) = read_each([path], to_rgb, "filtered")
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
        with torch.inference_mode():
            (seen,) = detector([pixels])
        persons = seen["scores"][seen["labels"] == PERSON]
        found[row] = float(persons.max()) if len(persons) else 0.0
    return found


def missing(given: Given) -> str:
    """Return that there is no file of weights, and how to get one; "" where there is one."""
    file = given.detector_file
    if file is None or not file.is_file():
        return (
            f"person_detector: expected torchvision's file {WEIGHTS}, found {file or 'none'}; "
            "download it where there is a network (the weights COCO_V1 of "
            "fasterrcnn_mobilenet_v3_large_320_fpn) and name it with --person-detector FILE, or "
            "leave the filter out with --skip person_detector"
        )
    return ""


def flag(given: Given) -> Flags:
    """Flag images with a person. Raises FilterUnavailable."""
    file = given.detector_file
    why = missing(given)
    if file is None or why:
        raise FilterUnavailable(why)
    detector = network()
    try:
        detector.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    except Exception as error:  # torch raises a dozen types for a damaged or foreign file
        reason = str(error).splitlines()[0]
        raise FilterUnavailable(f"person_detector: {file} is no {WEIGHTS}: {reason}") from error
    return np.asarray(person_scores(given.collection.paths, detector) >= THRESHOLD)
