"""Training an encoder on pairs of views: both losses, resuming, public weights, bad input."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from tests.support.anomaly_data import camera_traps
from training.anomaly.simclr import trainer as trainer_module
from training.anomaly.simclr.files import read_encoder_folder
from training.anomaly.simclr.recipe import PRESETS, TRIPLET, Recipe, build
from training.anomaly.simclr.trainer import PairTrainer
from training.anomaly.train_simclr import main, train_encoder
from training.common.errors import FolderError, TrainingError

TINY = replace(PRESETS["small"], image_size=32, epochs=2, batch=12, projection=8)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return camera_traps(tmp_path_factory.mktemp("traps") / "train")


@pytest.mark.parametrize("recipe", [TINY, replace(TINY, loss=TRIPLET)])
def test_an_encoder_learns_and_serves(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    train_encoder(data, tmp_path, recipe)
    encoder, settings, files = read_encoder_folder(tmp_path)
    assert settings["architecture"] == "test_efficientnet"
    assert set(files) == {"weights/encoder.safetensors"}
    assert not (tmp_path / "last.pt").exists()
    assert (tmp_path / "log.csv").read_text().count("\n") == 3
    with torch.inference_mode():
        features = encoder(torch.zeros(2, 4, 32, 32))
    assert features.shape == (2, encoder.features)
    start = build(recipe)[0].state_dict()
    assert any(not torch.allclose(start[n], v, atol=1e-3) for n, v in encoder.state_dict().items())


def test_a_killed_run_resumes_to_the_same_weights(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_encoder(data, tmp_path / "whole", TINY)

    def killed(epoch: int, loss: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(trainer_module, "say_epoch", killed)
        with pytest.raises(KeyboardInterrupt):
            train_encoder(data, tmp_path / "cut", TINY)
    assert (tmp_path / "cut" / "last.pt").is_file()
    train_encoder(data, tmp_path / "cut", TINY)
    one, other = (load_file(tmp_path / n / "weights/encoder.safetensors") for n in ("whole", "cut"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_checkpoint_of_another_encoder_is_refused(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(epoch: int, loss: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(trainer_module, "say_epoch", killed)
        with pytest.raises(KeyboardInterrupt):
            train_encoder(data, tmp_path, TINY)
    with pytest.raises(TrainingError, match=r"temperature: 0\.5 then, 0\.1 now"):
        train_encoder(data, tmp_path, replace(TINY, temperature=0.1))


def test_a_loss_that_is_not_finite_stops_with_advice() -> None:
    encoder, _ = build(TINY)
    made = PairTrainer(encoder, TINY, None)
    with torch.no_grad():
        for one in made.head.parameters():
            one.fill_(float("nan"))
    crops = torch.zeros(12, 3, 32, 32, dtype=torch.uint8)
    with pytest.raises(TrainingError, match="the loss is nan in epoch 1, step 1; lower"):
        made.train(crops, np.array(["fox", "hare"] * 6))


def test_species_are_drawn_equally_often() -> None:
    encoder, _ = build(TINY)
    species = np.array(["fox"] * 90 + ["hare"] * 10)
    made = PairTrainer(encoder, TINY, None)
    drawn = torch.cat(list(made._batches(species.tolist())))
    assert 0.3 < float((drawn >= 90).float().mean()) < 0.7


def test_the_published_encoder_comes_from_a_local_folder(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    torch.manual_seed(1)
    public = timm.create_model("resnet50", num_classes=10)
    save_file(public.state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(
        '{"architecture": "resnet50", "num_classes": 10, "pretrained_cfg": {"num_classes": 10, '
        '"input_size": [3, 224, 224], "first_conv": "conv1", "classifier": "fc"}}'
    )
    recipe = replace(
        PRESETS["full"], backbone=f"local-dir:{folder}", image_size=32, epochs=0, batch=4
    )
    train_encoder(data, tmp_path / "out", recipe)
    encoder, settings, _ = read_encoder_folder(tmp_path / "out")
    assert settings["architecture"] == "resnet50"
    assert encoder.features == 2048
    kept = encoder.state_dict()["backbone.conv1.weight"]
    torch.testing.assert_close(kept, public.state_dict()["conv1.weight"], atol=1e-3, rtol=1e-3)


def test_a_folder_without_an_encoder_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"expected an encoder that `python -m training\.anomaly"):
        read_encoder_folder(tmp_path)


def test_data_without_annotations_ends_with_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "annotations.json is missing" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
