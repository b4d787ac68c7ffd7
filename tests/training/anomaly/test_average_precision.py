"""Mean average precision by pycocotools, on cases that a hand can compute."""

from __future__ import annotations

import sys

import pytest

from training.anomaly.camera_traps import Box, Frame
from training.anomaly.detection.average_precision import measure
from training.common.errors import DataError
from wildlife_anomaly.detector import Detection

FRAMES = [
    Frame("a.jpg", 100, 100, "", "a", (Box("finch", 10, 10, 40, 40), Box("jay", 60, 60, 20, 20))),
    Frame("b.jpg", 100, 100, "", "b", (Box("finch", 0, 0, 50, 50),)),
    Frame("c.jpg", 100, 100, "", "c", ()),
]


def exact(box: Box, score: float, label: str = "animal") -> Detection:
    return Detection(box.left, box.top, box.width, box.height, score, label)


def test_detections_that_equal_the_boxes_are_perfect() -> None:
    found = [[exact(box, 0.9) for box in frame.boxes] for frame in FRAMES]
    measured = measure(FRAMES, found, ["animal"])
    assert measured.mean_average_precision == pytest.approx(1)
    assert (measured.ap50, measured.average_recall) == pytest.approx((1, 1))
    assert (measured.threshold, measured.recall50) == pytest.approx((0.9, 1))


def test_a_wrong_detection_above_all_others_costs_precision() -> None:
    found = [[exact(box, 0.5) for box in frame.boxes] for frame in FRAMES]
    found[2] = [Detection(10, 10, 30, 30, 0.8, "animal")]
    measured = measure(FRAMES, found, ["animal"])
    assert measured.ap50 == pytest.approx(3 / 4, abs=1e-6)  # three of four, at every recall
    assert measured.precision50 == pytest.approx(3 / 4, abs=1e-6)
    assert measured.average_recall == pytest.approx(1)


def test_the_threshold_leaves_out_what_only_costs() -> None:
    found = [[exact(box, 0.6) for box in frame.boxes] for frame in FRAMES]
    found[2] = [Detection(10 + at, 10, 30, 30, 0.1, "animal") for at in range(5)]
    measured = measure(FRAMES, found, ["animal"])
    assert measured.threshold == pytest.approx(0.6)
    assert measured.precision50 == pytest.approx(1)


def test_a_wrong_label_counts_for_precision_but_not_for_the_threshold() -> None:
    other = {"finch": "jay", "jay": "finch"}
    found = [[exact(box, 0.9, other[box.species]) for box in frame.boxes] for frame in FRAMES]
    measured = measure(FRAMES, found, ["finch", "jay"])
    assert measured.ap50 == 0
    assert measured.recall50 == pytest.approx(1)


def test_nothing_found_and_nothing_to_find(monkeypatch: pytest.MonkeyPatch) -> None:
    assert measure(FRAMES, [[], [], []], ["animal"]).ap50 == 0
    with pytest.raises(DataError, match="none of the frames to measure on has a box"):
        measure(FRAMES[2:], [[]], ["animal"])
    monkeypatch.setitem(sys.modules, "pycocotools.coco", None)
    found = [[exact(box, 0.9) for box in frame.boxes] for frame in FRAMES]
    with pytest.raises(DataError, match="needs the library pycocotools"):
        measure(FRAMES, found, ["animal"])
