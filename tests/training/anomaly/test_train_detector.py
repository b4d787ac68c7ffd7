"""Training the detector: what it writes, resuming, the held-out frames, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.base_networks import use_random_base
from tests.support.camera_frames import draw_frames
from training.anomaly import train_detector
from training.anomaly.camera_traps import ANNOTATIONS, IMAGES, Frame, write_camera_traps
from training.anomaly.detection import trainer
from training.anomaly.detection.examples import Examples
from training.anomaly.detection.files import read_detector
from training.anomaly.detection.recipe import PRESETS, canvas_of
from training.common.errors import DataError, FolderError
from wildlife_anomaly.detector_network import DetectorNetwork


def train(data: Path, out: Path, *more: str) -> int:
    quick = ("--epochs", "2", "--batch", "2", "--canvas-area", "2048", "--validation-share", "0.3")
    return train_detector.main(["--data", str(data), "--out", str(out), *quick, *more])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("frames")
    draw_frames(folder)
    return folder


def test_a_trained_folder_is_a_detector(data: Path, tmp_path: Path) -> None:
    assert train(data, tmp_path, "--by-species") == 0
    detector = read_detector(tmp_path)
    assert detector.labels == ["finch", "jay"]
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["frames"]["trained"] + report["frames"]["held_out"] == 8
    assert set(report["measured"]) >= {"mean_average_precision", "ap50", "recall50"}
    assert detector.threshold == report["measured"]["threshold"]
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 3
    assert not (tmp_path / "last.pt").exists()


def test_a_resumed_training_ends_with_the_same_weights(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(data, tmp_path / "whole") == 0
    step, calls = trainer.DetectorTrainer._step, []

    def cut_off(*arguments: Any) -> float:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(trainer.DetectorTrainer, "_step", cut_off)
    assert train(data, tmp_path / "cut") == 130
    monkeypatch.setattr(trainer.DetectorTrainer, "_step", step)
    assert train(data, tmp_path / "cut") == 0
    assert "resumed after epoch 1" in capsys.readouterr().out
    name = "weights/detector.safetensors"
    assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_only_what_training_changed_of_a_base_is_stored(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bases").mkdir()
    use_random_base(monkeypatch, tmp_path / "bases")
    assert train(data, tmp_path / "out", "--preset", "imagenet", "--epochs", "1") == 0
    assert (tmp_path / "out" / "weights" / "detector.safetensors").stat().st_size < 2_500_000
    assert read_detector(tmp_path / "out").labels == ["animal"]


def test_another_run_and_a_loss_that_is_not_a_number_are_refused(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, calls = DetectorNetwork.loss, []

    def second_epoch(*arguments: Any) -> torch.Tensor:
        calls.append(1)
        return whole(*arguments) * (1 if len(calls) < 3 else float("nan"))

    monkeypatch.setattr(DetectorNetwork, "loss", second_epoch)
    assert train(data, tmp_path) == 1
    assert "the loss is nan in epoch 2, step 1; lower --learning-rate" in capsys.readouterr().err
    assert not (tmp_path / "detector.json").exists()
    assert train(data, tmp_path, "--seed", "3") == 1
    assert "seed: 0 then, 3 now" in capsys.readouterr().err


def test_all_unreadable_frames_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_frames(tmp_path)
    for name in ("2.png", "5.png"):
        path = tmp_path / IMAGES / name
        path.write_bytes(path.read_bytes()[:200])
    assert train(tmp_path, tmp_path / "out") == 1
    message = capsys.readouterr().err
    assert "2.png cannot be read" in message
    assert "5.png cannot be read" in message
    assert not (tmp_path / "out").exists()


def test_sequences_or_locations_are_held_out_whole(tmp_path: Path) -> None:
    frames = draw_frames(tmp_path)
    recipe = PRESETS["small"]
    for by in ("sequence", "location"):
        kept, held = train_detector.split(frames, recipe, by)
        assert not {getattr(one, by) for one in kept} & {getattr(one, by) for one in held}
        assert len(kept) + len(held) == 8
    one = [Frame(f.file_name, 64, 32, "", "same", f.boxes) for f in frames]
    with pytest.raises(DataError, match=r"8 frames of 1 sequence\(s\)"):
        train_detector.split(one, recipe, "sequence")


def test_empty_frames_only_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = draw_frames(tmp_path)
    empty = [Frame(f.file_name, 64, 32, f.location, f.sequence, ()) for f in frames]
    write_camera_traps(tmp_path / ANNOTATIONS, empty)
    assert train(tmp_path, tmp_path / "out") == 1
    assert "expected at least one image with a box" in capsys.readouterr().err


def test_variations_depend_on_the_seed_and_keep_boxes_on_their_animals(tmp_path: Path) -> None:
    frames = draw_frames(tmp_path)
    examples = Examples(tmp_path / IMAGES, frames, (64, 32), ["finch", "jay"])
    first, again = examples.varied(1, 5), examples.varied(1, 5)
    assert torch.equal(first[0], again[0])
    assert not torch.equal(first[0], examples.varied(1, 6)[0])
    seen = [target for seed in range(20) for target in [examples.varied(1, seed)[1]]]
    assert all(target["labels"].tolist() in ([], [1]) for target in seen)
    assert any(len(target["boxes"]) for target in seen)
    for target in seen:
        assert bool((target["boxes"][:, 2:] > target["boxes"][:, :2]).all())
        assert bool((target["boxes"] >= 0).all())
        assert bool((target["boxes"] <= torch.tensor([64.0, 32, 64, 32])).all())


def test_the_canvas_has_the_shape_of_the_frames() -> None:
    assert canvas_of([Frame("a", 640, 360, "", "a", ())], 61_440) == (320, 192)
    assert canvas_of([Frame("a", 300, 400, "", "a", ())], 61_440) == (224, 288)
    assert canvas_of([Frame("a", 10, 1000, "", "a", ())], 2048)[0] == 32


@pytest.mark.parametrize(
    "wrong",
    [
        ["--epochs", "0"],
        ["--canvas-area", "100"],
        ["--width", "50"],
        ["--validation-share", "1"],
        ["--learning-rate", "-1"],
    ],
)
def test_options_out_of_range_are_refused(tmp_path: Path, wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        train(tmp_path, tmp_path / "out", *wrong)
    assert caught.value.code == 2


def test_a_folder_without_detector_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"detector\.json cannot be read"):
        read_detector(tmp_path)
