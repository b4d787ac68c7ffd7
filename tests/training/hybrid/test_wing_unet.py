"""The wing network: its published names, and training from masks."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from training.hybrid.masks import train_unet
from training.hybrid.masks.pairs import read_pairs, wing_pixels
from training.hybrid.split import validation_specimens
from wildlife_wings.unet import CheckpointError, UNet256, network_input, read_unet, write_unet

ROOT = Path(__file__).parents[3]


STAGES = {
    "down1": (3, 64),
    "down2": (64, 128),
    "down3": (128, 256),
    "down4": (256, 512),
    "bridge": (512, 1024),
    "conv_up1": (1024, 512),
    "conv_up2": (512, 256),
    "conv_up3": (256, 128),
    "conv_up4": (128, 64),
}


pytestmark = pytest.mark.usefixtures("one_thread")


def published_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of the published state dict, from its description alone."""
    shapes: dict[str, tuple[int, ...]] = {}
    for stage, (inputs, outputs) in STAGES.items():
        for index, channels in ((0, inputs), (3, outputs)):
            shapes[f"{stage}.block.{index}.weight"] = (outputs, channels, 3, 3)
            shapes[f"{stage}.block.{index}.bias"] = (outputs,)
        for index in (1, 4):
            for name in ("weight", "bias", "running_mean", "running_var"):
                shapes[f"{stage}.block.{index}.{name}"] = (outputs,)
            shapes[f"{stage}.block.{index}.num_batches_tracked"] = ()
    for number, inputs in enumerate((1024, 512, 256, 128), start=1):
        shapes[f"up{number}.weight"] = (inputs, inputs // 2, 2, 2)
        shapes[f"up{number}.bias"] = (inputs // 2,)
    return {**shapes, "out.weight": (1, 64, 1, 1), "out.bias": (1,)}


def test_at_width_64_names_and_shapes_are_the_published_ones() -> None:
    with torch.device("meta"):
        network = UNet256(64)
    state = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert state == published_shapes()
    assert len(state) == 136
    assert sum(p.numel() for p in network.parameters()) == 31_043_521


def test_every_pixel_gets_a_logit() -> None:
    assert UNet256(2)(torch.zeros(1, 3, 32, 48)).shape == (1, 1, 32, 48)


def test_the_networks_input_is_normalised_as_imagenet() -> None:
    pixels = torch.tensor([0, 255], dtype=torch.uint8)[None, None, :, None].expand(1, 3, 2, 1)
    found = network_input(pixels)[0, :, :, 0]
    assert found[:, 0].tolist() == pytest.approx([-2.1179, -2.0357, -1.8044], abs=1e-4)
    assert found[:, 1].tolist() == pytest.approx([2.2489, 2.4286, 2.64], abs=1e-4)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_bare_state_dict_is_read_with_and_without_module(tmp_path: Path, prefix: str) -> None:
    network = UNet256(4).eval()
    state = {prefix + name: tensor for name, tensor in network.state_dict().items()}
    torch.save(state, tmp_path / "best_model.pth")
    read, side = read_unet(tmp_path / "best_model.pth")
    pixels = torch.randn(1, 3, 32, 32)
    assert (read.width, side, read.training) == (4, 256, False)
    assert torch.equal(read(pixels), network(pixels))


def test_a_written_network_is_read_with_its_image_size(tmp_path: Path) -> None:
    network = UNet256(4).eval()
    write_unet(network, 48, tmp_path / "wing_unet.safetensors")
    read, side = read_unet(tmp_path / "wing_unet.safetensors")
    assert side == 48
    assert all(
        torch.equal(a, b) for a, b in zip(read.parameters(), network.parameters(), strict=True)
    )
    assert [path.name for path in tmp_path.iterdir()] == ["wing_unet.safetensors"]


def test_a_checkpoint_of_another_architecture_is_told_what_differs(tmp_path: Path) -> None:
    state = UNet256(4).state_dict()
    state["encoder.0.weight"] = state.pop("up2.weight")
    state["out.weight"] = torch.zeros(5, 4, 1, 1)
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(CheckpointError) as caught:
        read_unet(tmp_path / "other.pth")
    assert "UNet256 of width 4" in str(caught.value)
    assert "1 missing: up2.weight" in str(caught.value)
    assert "1 unexpected: encoder.0.weight" in str(caught.value)
    assert "out.weight is (5, 4, 1, 1), expected (1, 4, 1, 1)" in str(caught.value)


@pytest.mark.parametrize("name", ["x.pth", "x.safetensors"])
@pytest.mark.parametrize("content", [b"", b"<html>no weights</html>", b"PK\x03\x04 cut short"])
def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=f"{name} cannot be read as a checkpoint"):
        read_unet(tmp_path / name)


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none\.pth is missing"):
        read_unet(tmp_path / "none.pth")


def draw_pairs(folder: Path, count: int = 10, size: tuple[int, int] = (60, 44)) -> Path:
    """Dark ellipses on pale ground, with masks next to them."""
    rng = np.random.default_rng(5)
    folder.mkdir(exist_ok=True)
    for number in range(count):
        x, y = rng.integers(4, 20, 2).tolist()
        box = (x, y, x + 26, y + 18)
        image = Image.new("RGB", size, (225, 220, 205))
        ImageDraw.Draw(image).ellipse(box, fill=(60, 40, int(rng.integers(30, 90))))
        mask = Image.new("L", size)
        ImageDraw.Draw(mask).ellipse(box, fill=255)
        image.save(folder / f"b{number}.png")
        mask.save(folder / f"b{number}_mask.png")
    return folder


def train(images: Path, out: Path, *extra: str) -> int:
    small = ["--width", "2", "--image-size", "32", "--batch", "4", "--learning-rate", "0.01"]
    command = ["--images", str(images), "--out", str(out), *small, "--epochs", "2", *extra]
    return train_unet.main(command)


def test_training_learns_the_masks_and_reports_iou_and_dice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = draw_pairs(tmp_path / "images", 16)
    assert train(images, tmp_path / "out", "--epochs", "15") == 0
    with (tmp_path / "out" / "log.csv").open(newline="") as file:
        log = list(csv.DictReader(file))
    assert len(log) == 15
    assert float(log[-1]["train_loss"]) < 0.6 * float(log[0]["train_loss"])
    best = min(log, key=lambda row: float(row["validation_loss"]))
    assert float(best["iou"]) > 0.75
    assert float(best["dice"]) > float(best["iou"])
    last_line = capsys.readouterr().out.splitlines()[-1]
    assert f"IoU {float(best['iou']):.3f}, Dice {float(best['dice']):.3f}" in last_line
    network, side = read_unet(tmp_path / "out" / "wing_unet.safetensors")
    assert (network.width, side) == (2, 32)


def test_a_resumed_training_ends_with_the_same_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = draw_pairs(tmp_path / "images")
    assert train(images, tmp_path / "whole", "--epochs", "3") == 0
    assert train(images, tmp_path / "cut", "--epochs", "1") == 0
    assert train(images, tmp_path / "cut", "--epochs", "3") == 0
    assert "resumed after epoch 1" in capsys.readouterr().out
    for name in ("wing_unet.safetensors", "log.csv"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_training_cut_off_within_an_epoch_ends_with_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = draw_pairs(tmp_path / "images")
    assert train(images, tmp_path / "whole") == 0
    measure, calls = train_unet.measure, []

    def cut_off(*arguments: Any) -> dict[str, float]:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return measure(*arguments)

    monkeypatch.setattr(train_unet, "measure", cut_off)
    assert train(images, tmp_path / "cut") == 130
    monkeypatch.setattr(train_unet, "measure", measure)
    assert train(images, tmp_path / "cut") == 0
    name = "wing_unet.safetensors"
    assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_other_settings_do_not_resume(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = draw_pairs(tmp_path / "images")
    assert train(images, tmp_path / "out", "--epochs", "1") == 0
    assert train(images, tmp_path / "out", "--learning-rate", "0.02") == 1
    assert "learning_rate: 0.01 then, 0.02 now" in capsys.readouterr().err


def test_a_broken_last_checkpoint_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "last.pt").write_bytes(b"half a file")
    assert train(draw_pairs(tmp_path / "images"), tmp_path / "out") == 1
    assert "last.pt cannot be read as a checkpoint" in capsys.readouterr().err


def test_a_loss_that_is_not_a_number_stops_and_keeps_what_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = draw_pairs(tmp_path / "images")
    network = UNet256(2)
    with torch.no_grad():
        network.get_parameter("out.bias").fill_(float("nan"))
    write_unet(network, 32, tmp_path / "start.safetensors")
    assert train(images, tmp_path / "out", "--init", str(tmp_path / "start.safetensors")) == 1
    message = capsys.readouterr().err
    assert "the loss is nan in epoch 1, step 1; lower --learning-rate (now 0.01)" in message
    assert not (tmp_path / "out" / "wing_unet.safetensors").exists()


def test_training_starts_from_a_checkpoint_of_its_width_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = draw_pairs(tmp_path / "images")
    write_unet(UNet256(3), 32, tmp_path / "start.safetensors")
    start = ("--init", str(tmp_path / "start.safetensors"))
    assert train(images, tmp_path / "out", *start) == 1
    assert "has width 3, but 2 is asked for; give --width 3" in capsys.readouterr().err
    assert train(images, tmp_path / "out", *start, "--width", "3", "--epochs", "1") == 0


def test_all_bad_pairs_are_named_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = draw_pairs(tmp_path / "images", 6)
    (images / "b0_mask.png").unlink()
    Image.new("L", (44, 60)).save(images / "b1_mask.png")
    Image.new("L", (30, 22)).save(images / "b2_mask.png")
    (images / "b3.png").write_bytes(b"no image")
    Image.new("L", (60, 44), 77).save(images / "b4_mask.png")
    Image.new("RGB", (60, 44)).save(images / "b5.jpg")
    assert train(images, tmp_path / "out") == 1
    message = capsys.readouterr().err
    assert "6 problem(s), nothing was trained" in message
    for part in (
        "b0_mask.png is missing",
        "b1_mask.png is 44 x 60, but the image is 60 x 44",
        "b2_mask.png is 30 x 22, but the image is 60 x 44",
        "b3.png: cannot identify image file",
        "b4.png: mask values are 77; expected 0 and 255, or part labels 0 to 9",
        "b5.*: 2 images would share a mask",
    ):
        assert part in message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("values", "wings"),
    [
        ([0, 255], [False, True]),
        ([0, 1], [False, True]),
        ([0, 1, 2, 3, 4, 5, 7, 9], [False, True, True, True, True, False, False, False]),
        ([0, 0], [False, False]),
    ],
)
def test_masks_are_binary_or_part_labels(values: list[int], wings: list[bool]) -> None:
    assert wing_pixels(np.array([values], dtype=np.uint8)).tolist() == [wings]


def test_a_mask_fits_the_image_as_it_stands_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (60, 44)).save(tmp_path / "turned.jpg", exif=exif)
    Image.new("L", (44, 60), 255).save(tmp_path / "turned_mask.png")
    pairs = read_pairs(tmp_path, tmp_path, 16, None)
    assert pairs.masks.float().mean() == 1


def test_no_specimen_is_in_both_parts(tmp_path: Path) -> None:
    images = draw_pairs(tmp_path / "images", 12)
    lines = ["filename,specimen", *(f"b{n}.png,s{n // 3}" for n in range(12))]
    (tmp_path / "table.csv").write_text("\n".join(lines))
    pairs = read_pairs(images, images, 16, tmp_path / "table.csv")
    recipe = train_unet.Recipe(
        width=2, image_size=16, epochs=1, batch=4, learning_rate=0.01, validation_share=0.2
    )
    training, validation = train_unet.split(pairs, recipe)
    assert (len(training.images), len(validation.images)) == (9, 3)


def test_the_same_seed_holds_out_the_same_specimens() -> None:
    specimens = [f"s{n // 2}" for n in range(40)]
    assert validation_specimens(specimens, 0.25, 3) == validation_specimens(
        specimens[::-1], 0.25, 3
    )
    assert len(validation_specimens(specimens, 0.25, 3)) == 5
    assert validation_specimens(specimens, 0.25, 3) != validation_specimens(specimens, 0.25, 4)
    assert validation_specimens(["only", "only"], 0.25, 3) == set()


@pytest.mark.parametrize(
    "wrong",
    [
        ["--image-size", "100"],
        ["--epochs", "0"],
        ["--validation-share", "1"],
        ["--learning-rate", "-1"],
    ],
)
def test_options_out_of_range_are_refused(tmp_path: Path, wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        train(tmp_path, tmp_path / "out", *wrong)
    assert caught.value.code == 2


def test_the_full_preset_has_the_published_values() -> None:
    full = train_unet.PRESETS["full"]
    assert (full.width, full.image_size, full.epochs, full.batch, full.learning_rate) == (
        64,
        256,
        50,
        16,
        1e-4,
    )
