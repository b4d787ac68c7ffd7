"""Backgrounds of whole folders: pieces as large as wings stay, the rest becomes white."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from training.hybrid.masks import remove_background
from wildlife_wings.cutout import largest_pieces, on_white, wing_mask
from wildlife_wings.unet import UNet256, write_unet

ROOT = Path(__file__).parents[3]


pytestmark = pytest.mark.usefixtures("one_thread")


def test_only_pieces_as_large_as_wings_are_kept() -> None:
    mask = np.zeros((40, 40), dtype=np.bool_)
    mask[2:12, 2:12] = mask[2:12, 20:30] = mask[20:30, 2:12] = mask[20:30, 20:30] = True
    wings = mask.copy()
    mask[35:37, 35:37] = True  # a speck: 4 of 100 pixels
    mask[15:18, 15:18] = True  # large enough, but the fifth
    assert np.array_equal(largest_pieces(mask), wings)
    assert not largest_pieces(np.zeros((5, 5), dtype=np.bool_)).any()


def test_a_removed_piece_stays_removed_in_the_large_picture() -> None:
    probability = np.full((16, 16), 0.01, dtype=np.float32)
    probability[2:10, 2:10] = 0.99
    probability[14, 14] = 0.99
    mask = wing_mask(probability, (160, 80))
    assert mask.shape == (80, 160)
    assert mask[30, 60]
    assert not mask[68:, 120:].any()
    assert mask.mean() == pytest.approx(64 / 256, abs=0.03)


def test_outside_the_mask_is_white() -> None:
    mask = np.array([[True, False], [False, True]])
    pixels = np.asarray(on_white(Image.new("RGB", (2, 2), (1, 2, 3)), mask))
    white, kept = [255, 255, 255], [1, 2, 3]
    assert pixels.tolist() == [[kept, white], [white, kept]]


@pytest.fixture
def dark_finder(tmp_path: Path) -> Path:
    """A UNet256 that says wing where the picture is dark: only the last skip counts."""
    network = UNet256(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        for stage, channel in ((network.down1, 0), (network.conv_up4, 1)):
            for index in (0, 3):
                stage.block[index].weight[0, channel if index == 0 else 0, 1, 1] = 1.0
            for index in (1, 4):
                stage.block[index].weight.fill_(1.0)
        network.down1.block[0].weight[0, 0, 1, 1] = -1.0
        network.out.weight.fill_(1.0)
        network.out.bias.fill_(-0.5)
    write_unet(network, 64, tmp_path / "dark.safetensors")
    return tmp_path / "dark.safetensors"


def cut_folder(tmp_path: Path) -> Path:
    images = tmp_path / "pictures"
    (images / "erato").mkdir(parents=True)
    for name in ("a.jpg", "erato/b.png", "erato/c.png"):
        picture = Image.new("RGB", (300, 200), (230, 225, 215))
        ImageDraw.Draw(picture).rectangle((100, 50, 200, 150), fill=(30, 30, 30))
        picture.save(images / name)
    return images


def remove(images: Path, network: Path, out: Path) -> int:
    command = ["--images", str(images), "--network", str(network), "--out", str(out)]
    return remove_background.main([*command, "--batch", "2"])


def test_backgrounds_become_white_at_the_original_size(tmp_path: Path, dark_finder: Path) -> None:
    images, out = cut_folder(tmp_path), tmp_path / "out"
    assert remove(images, dark_finder, out) == 0
    for name in ("a.jpg", "erato/b.png", "erato/c.png"):
        with Image.open(out / name) as image:
            pixels = np.asarray(image)
        assert pixels.shape == (200, 300, 3)
        assert pixels[100, 150].max() < 40
        assert pixels[10, 10].min() > 250
        assert (pixels.max(axis=2) < 128).sum() == pytest.approx(101 * 101, rel=0.05)


def test_a_rerun_writes_only_what_is_missing(tmp_path: Path, dark_finder: Path, capsys) -> None:
    images, out = cut_folder(tmp_path), tmp_path / "out"
    assert remove(images, dark_finder, out) == 0
    (out / "a.jpg").unlink()
    before = (out / "erato" / "b.png").stat().st_mtime_ns
    capsys.readouterr()
    assert remove(images, dark_finder, out) == 0
    printed = capsys.readouterr().out
    assert "3 pictures, 2 of them done before" in printed
    assert "1 pictures written" in printed
    assert (out / "erato" / "b.png").stat().st_mtime_ns == before


def test_unreadable_pictures_are_listed_at_the_end(
    tmp_path: Path, dark_finder: Path, capsys
) -> None:
    images, out = cut_folder(tmp_path), tmp_path / "out"
    whole = (images / "a.jpg").read_bytes()
    (images / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (images / "text.png").write_bytes(b"no picture")
    assert remove(images, dark_finder, out) == 1
    captured = capsys.readouterr()
    assert "2 picture(s) cannot be read" in captured.err
    assert "cut.jpg" in captured.err
    assert "text.png" in captured.err
    assert "3 pictures written" in captured.out
    assert not (out / "cut.jpg").exists()


def test_a_picture_without_wings_is_written_whole(
    tmp_path: Path, dark_finder: Path, capsys
) -> None:
    images = tmp_path / "pale"
    images.mkdir()
    Image.new("RGB", (50, 40), (240, 230, 220)).save(images / "empty.png")
    assert remove(images, dark_finder, tmp_path / "out") == 0
    assert "no wing found, written whole: empty.png" in capsys.readouterr().out
    with Image.open(tmp_path / "out" / "empty.png") as image:
        assert image.getpixel((20, 20)) == (240, 230, 220)


def test_two_networks_never_share_an_output_folder(
    tmp_path: Path, dark_finder: Path, capsys
) -> None:
    images, out = cut_folder(tmp_path), tmp_path / "out"
    assert remove(images, dark_finder, out) == 0
    write_unet(UNet256(2), 32, tmp_path / "other.safetensors")
    assert remove(images, tmp_path / "other.safetensors", out) == 1
    assert "holds the output of other settings" in capsys.readouterr().err
    assert remove(images, dark_finder, images) == 1
    assert "originals would be overwritten" in capsys.readouterr().err


def test_an_empty_folder_is_named(tmp_path: Path, dark_finder: Path, capsys) -> None:
    (tmp_path / "empty").mkdir()
    assert remove(tmp_path / "empty", dark_finder, tmp_path / "out") == 1
    assert "empty holds no images" in capsys.readouterr().err
