"""The detector as it serves: geometry, batches, weights and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from tests.support.base_networks import draw_base
from tests.support.detectors import TINY
from wildlife_anomaly.detector import Detector
from wildlife_anomaly.detector_network import DetectorNetwork
from wildlife_anomaly.letterbox import Placement, draw, whole

PLACES = 8 * 16 + 4 * 8 + 2 * 4  # of the maps of 4, 8 and 16 pixels a place


def answers(boxes: dict[int, tuple[float, float, float, float, float, int]]) -> Tensor:
    """What a network says that finds boxes: (distances in steps, logit, label) by place."""
    made = torch.full((1, PLACES, 7), -20.0)
    for place, (left, top, right, bottom, logit, label) in boxes.items():
        made[0, place, label] = logit
        made[0, place, 2:] = torch.tensor([20.0, left, top, right, bottom])
    return made


def test_an_image_stands_in_the_middle_of_the_canvas() -> None:
    assert whole((640, 360), (320, 192)) == Placement(0.5, 0, 6)
    assert whole((100, 400), (320, 192)) == Placement(0.48, 136, 0)
    image = Image.new("RGB", (4, 2), (255, 0, 0))
    pixels = draw(image, whole(image.size, (8, 8)), (8, 8))
    assert (pixels[2:6] == [255, 0, 0]).all()
    assert (pixels[[0, 1, 6, 7]] == 127).all()


def test_a_placement_beyond_the_canvas_shows_a_part() -> None:
    image = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(2, 2, 3))
    pixels = draw(image, Placement(1.0, -1, 1), (2, 2))
    assert pixels[1, 0].tolist() == [3, 4, 5]
    assert (pixels[0] == 127).all()


def test_a_place_of_the_network_becomes_a_box_of_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = Detector(TINY)
    # The finest map has a place every 4 pixels: the third of the second row lies at (8, 4).
    found = answers({16 + 2: (1, 0.5, 2, 3, 20.0, 1)})
    monkeypatch.setattr(detector, "_served", lambda pixels: found.repeat(len(pixels), 1, 1))
    one = detector.detect(Image.new("RGB", (128, 64)))
    assert [(box.left, box.top, box.width, box.height) for box in one] == [(8, 4, 24, 28)]
    assert one[0].label == "jay"
    assert one[0].score == pytest.approx(1, abs=1e-4)


def test_boxes_in_the_grey_are_dropped_and_others_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = Detector(TINY)
    # A square image covers the columns 16 to 48 of the canvas.
    found = answers({3 * 16 + 2: (1, 1, 1, 1, 20.0, 0), 3 * 16 + 4: (2, 1, 3, 1, 20.0, 0)})
    monkeypatch.setattr(detector, "_served", lambda pixels: found)
    boxes = detector.detect(Image.new("RGB", (32, 32)))
    assert [(box.left, box.top, box.width, box.height) for box in boxes] == [(0, 8, 12, 8)]


def test_of_two_labels_at_one_place_the_better_stays() -> None:
    network = DetectorNetwork(TINY)
    found = answers({20: (2, 2, 2, 2, 3.0, 0)})
    found[0, 20, 1] = 4.0
    (image,) = network.detections(found, 0.3)
    assert image["labels"].tolist() == [1]
    assert network.detections(answers({}), 0.3)[0]["boxes"].shape == (0, 4)


def test_a_batch_answers_as_its_images_do() -> None:
    torch.manual_seed(1)
    detector = Detector({**TINY, "threshold": 0.01})
    rng = np.random.default_rng(0)
    sizes = ((64, 32), (90, 90), (31, 77))
    images = [Image.fromarray(rng.integers(0, 256, (h, w, 3), dtype=np.uint8)) for w, h in sizes]
    batch = detector.detect_batch([detector.prepare(image) for image in images])
    for image, together in zip(images, batch, strict=True):
        alone = detector.detect(image)
        assert len(alone) == len(together) > 0
        assert [b.score for b in alone] == pytest.approx([b.score for b in together], abs=1e-4)
        assert all(b.left >= 0 and b.left + b.width <= image.width + 1e-6 for b in alone)
        assert [b.score for b in alone] == sorted((b.score for b in alone), reverse=True)
    assert detector.detect_batch([]) == []


def test_weights_come_from_the_base_and_the_tuned_file(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    base = draw_base(tmp_path / "weights" / "base.pth")
    named = {"name": "lite0", "stages": [1, 2], "weights": "weights/base.pth"}
    settings = {**{k: v for k, v in TINY.items() if k != "scratch"}, "base": named}
    trained = DetectorNetwork(settings)
    trained.fcos.backbone.base.read_published(base)
    changed = {
        name: tensor.half().contiguous()
        for name, tensor in trained.state_dict().items()
        if ".base." not in name
    }
    save_file(changed, tmp_path / "weights" / "detector.safetensors")
    detector = Detector(settings)
    detector.read(tmp_path)
    for name, tensor in detector.network.state_dict().items():
        assert torch.allclose(tensor, trained.state_dict()[name], rtol=1e-3, atol=1e-3), name


def test_weights_of_another_detector_are_refused(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    path = tmp_path / "weights" / "detector.safetensors"
    with pytest.raises(FileNotFoundError):
        Detector(TINY).read(tmp_path)
    other = DetectorNetwork({**TINY, "labels": ["animal"]})
    save_file({k: v.contiguous() for k, v in other.state_dict().items()}, path)
    with pytest.raises(ValueError, match=r"cls_logits\.bias: expected shape \(2,\), found \(1,\)"):
        Detector(TINY).read(tmp_path)


def test_what_cannot_be_detected_in_is_refused() -> None:
    with pytest.raises(ValueError, match="expected an RGB image"):
        Detector(TINY).detect(Image.new("L", (64, 32)))
    with pytest.raises(ValueError, match="expected multiples of 16 pixels"):
        Detector({**TINY, "canvas": [64, 40]})


def test_the_loss_is_the_sum_of_what_torchvision_computes() -> None:
    torch.manual_seed(0)
    network = DetectorNetwork(TINY).train()
    pixels = torch.randint(0, 256, (2, 3, 32, 64), dtype=torch.uint8)
    targets = [
        {"boxes": torch.tensor([[4.0, 4.0, 20.0, 20.0]]), "labels": torch.tensor([1])},
        {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)},
    ]
    losses = network.fcos(list(pixels / 255), targets)
    assert set(losses) == {"classification", "bbox_regression", "bbox_ctrness"}
    expected = sum(losses.values())
    torch.testing.assert_close(network.loss(network(pixels), targets), expected)
