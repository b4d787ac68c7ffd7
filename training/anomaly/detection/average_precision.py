"""Mean average precision of detections as COCO defines it, by the library pycocotools."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from training.anomaly.camera_traps import Frame
from training.anomaly.detection.recipe import label_numbers
from training.common.errors import DataError
from wildlife_anomaly.detector import Detection

_IOU_50 = 0  # position among COCO's thresholds 0.5, 0.55, ... 0.95
_ALL_AREAS, _MOST = 0, -1  # positions of "all" among the areas and of 100 detections an image


@dataclass(frozen=True)
class Measured:
    """How well detections fit the boxes.

    mean_average_precision: over IoU 0.5 to 0.95 and labels; ap50: at IoU 0.5; average_recall: over
    IoU 0.5 to 0.95, of all detections (at most 100 an image). threshold: the score at which F1 is
    greatest at IoU 0.5, whatever the label, with recall50 and precision50 there (steps of 0.01
    recall). All are 0 where nothing is found.
    """

    mean_average_precision: float
    ap50: float
    average_recall: float
    threshold: float
    recall50: float
    precision50: float

    def rounded(self) -> dict[str, float]:
        """The values by name, with four decimals."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def measure(
    frames: Sequence[Frame], found: Sequence[Sequence[Detection]], labels: Sequence[str]
) -> Measured:
    """Compare the detections of each frame with its boxes.

    Raises DataError where no frame has a box, or where pycocotools is not installed.
    """
    if not any(frame.boxes for frame in frames):
        raise DataError("none of the frames to measure on has a box")
    truth = _document(frames, labels)
    results = [
        {
            "image_id": number,
            "category_id": labels.index(one.label) + 1,
            "bbox": [one.left, one.top, one.width, one.height],
            "score": one.score,
        }
        for number, detections in enumerate(found, start=1)
        for one in detections
    ]
    if not results:
        return Measured(0, 0, 0, 0, 0, 0)
    by_label = _evaluated(truth, results, with_labels=True)
    any_label = _evaluated(truth, results, with_labels=False)
    average, ap50, recall = (max(float(by_label.stats[at]), 0.0) for at in (0, 1, 8))
    return Measured(average, ap50, recall, *_best_f1(any_label))


def _document(frames: Sequence[Frame], labels: Sequence[str]) -> dict[str, Any]:
    """The frames as a COCO document; images count from 1, categories too."""
    boxes = [
        (number, label, box)
        for number, frame in enumerate(frames, start=1)
        for label, box in zip(label_numbers(frame, labels), frame.boxes, strict=True)
    ]
    return {
        "info": {},
        "images": [
            {"id": number, "width": frame.width, "height": frame.height}
            for number, frame in enumerate(frames, start=1)
        ],
        "categories": [{"id": at, "name": name} for at, name in enumerate(labels, start=1)],
        "annotations": [
            {
                "id": at,
                "image_id": number,
                "category_id": label + 1,
                "bbox": [box.left, box.top, box.width, box.height],
                "area": box.width * box.height,
                "iscrowd": 0,
            }
            for at, (number, label, box) in enumerate(boxes, start=1)
        ],
    }


def _evaluated(truth: dict[str, Any], results: list[dict[str, Any]], with_labels: bool) -> Any:
    try:
        from pycocotools.coco import COCO  # of the extra `dev`
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise DataError(
            "mean average precision needs the library pycocotools, which is not installed; "
            "`pip install pycocotools`, or the extra `dev`, brings it"
        ) from error
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its progress
        document = COCO()
        document.dataset = truth
        document.createIndex()
        evaluation = COCOeval(document, document.loadRes(results), "bbox")
        evaluation.params.useCats = int(with_labels)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def _best_f1(evaluation: Any) -> tuple[float, float, float]:
    """Return (threshold, recall, precision) where F1 is greatest on COCO's grid of recalls."""
    at = (_IOU_50, slice(None), 0, _ALL_AREAS, _MOST)
    precision, scores = evaluation.eval["precision"][at], evaluation.eval["scores"][at]
    recall = np.asarray(evaluation.params.recThrs)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    best = int(f1.argmax())
    return float(scores[best]), float(recall[best]), float(precision[best])
