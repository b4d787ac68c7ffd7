"""MegaDetector's JSON there and back, and a stand-in for ultralytics."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from training.anomaly.megadetector import main, read_found, write_found
from training.common.errors import DataError
from wildlife_anomaly.detector import Detection

SIZES = {"a/1.jpg": (200, 100), "b.jpg": (50, 50)}
FOUND = {
    "a/1.jpg": [Detection(20, 10, 100, 50, 0.9, "animal"), Detection(0, 0, 20, 5, 0.2, "person")],
    "b.jpg": [],
}


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write_found(tmp_path / "found.json", FOUND, SIZES)
    document = json.loads((tmp_path / "found.json").read_text())
    assert document["images"][0]["detections"][0]["bbox"] == [0.1, 0.1, 0.5, 0.5]
    assert document["images"][0]["max_detection_conf"] == 0.9
    assert document["detection_categories"] == {"1": "animal", "2": "person"}
    again = read_found(tmp_path / "found.json", SIZES)
    assert list(again) == list(FOUND)
    for one, other in zip(again["a/1.jpg"], FOUND["a/1.jpg"], strict=True):
        assert (one.label, one.score) == (other.label, other.score)
        assert (one.left, one.width, one.height) == pytest.approx(
            (other.left, other.width, other.height)
        )


def test_a_failure_has_no_detections(tmp_path: Path) -> None:
    images = [{"file": "b.jpg", "failure": "image access", "detections": None}]
    (tmp_path / "x.json").write_text(json.dumps({"images": images, "detection_categories": {}}))
    assert read_found(tmp_path / "x.json", {"b.jpg": (50, 50)}) == {"b.jpg": []}


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    wrong = [
        {"category": "9", "conf": 0.5, "bbox": [0, 0, 0.5, 0.5]},
        {"category": "1", "conf": 1.5, "bbox": [0, 0, 0.5, 0.5]},
        {"category": "1", "conf": 0.5, "bbox": [10, 10, 60, 40]},
        {"category": "1", "conf": 0.5, "bbox": [0, 0, 0]},
    ]
    images = [{"file": "a/1.jpg", "detections": wrong}]
    document = {"images": images, "detection_categories": {"1": "animal"}}
    (tmp_path / "x.json").write_text(json.dumps(document))
    with pytest.raises(DataError) as caught:
        read_found(tmp_path / "x.json", SIZES)
    for part in (
        "5 problem(s), nothing was read",
        "category '9' has no name",
        "conf 1.5: expected 0 to 1",
        "bbox [10, 10, 60, 40]: expected shares of the image's sides",
        "expected category, conf and four numbers",
        "b.jpg: not among the images of the file",
    ):
        assert part in str(caught.value)
    with pytest.raises(DataError, match="expected MegaDetector's JSON"):
        read_found(tmp_path / "none.json", SIZES)


class FakeYolo:
    """A model of ultralytics that finds one box in every image."""

    names = {0: "bird"}  # noqa: RUF012

    def __init__(self, weights: str) -> None:
        assert weights.endswith("yolo.pt")

    def predict(self, image: Image.Image, verbose: bool) -> list[SimpleNamespace]:
        boxes = SimpleNamespace(
            xyxy=torch.tensor([[5.0, 5.0, 15.0, 10.0]]),
            conf=torch.tensor([0.75]),
            cls=torch.tensor([0.0]),
        )
        return [SimpleNamespace(boxes=boxes)]


def test_ultralytics_is_asked_for_by_name_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (50, 50)).save(tmp_path / "images" / "b.jpg")
    out = tmp_path / "found.json"
    given = ["--images", str(tmp_path / "images"), "--ultralytics", "yolo.pt", "--out", str(out)]
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    assert main(given) == 1
    assert "it is under AGPL-3.0 and no part of this project" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "ultralytics", SimpleNamespace(YOLO=FakeYolo))
    assert main(given) == 0
    (one,) = read_found(out, {"b.jpg": (50, 50)})["b.jpg"]
    assert one == Detection(5, 5, 10, 5, 0.75, "bird")
