"""What the tests of training/anomaly_factory share: tables, small runs, pictures, networks."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import torch
from PIL import Image, ImageDraw

from training.hybrid.synthetic_hybrids import losses, prepare
from training.hybrid.synthetic_hybrids import train as training

SMALLEST = [
    "--size", "32", "--ngf", "4", "--ndf", "4", "--n-downsample", "2", "--n-blocks", "1",
    "--batch", "4", "--save-every", "8", "--device", "cpu", "--threads", "1",
]  # fmt: skip


def draw(path: Path, colour: tuple[int, int, int], shift: int) -> None:
    picture = Image.new("RGB", (60, 44), (235, 232, 226))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((6 + shift, 8, 28 + shift, 34), fill=colour, outline=(20, 20, 20))
    pen.ellipse((28 + shift, 8, 50 + shift, 34), fill=colour, outline=(20, 20, 20))
    picture.save(path, quality=95)


def write_table_of_pictures(folder: Path) -> None:
    """A training table: three subspecies with four pictures each, two hybrids of 8 x 9."""
    (folder / "images").mkdir()
    colours = {"7.0": (40, 60, 160), "8.0": (190, 60, 40), "9.0": (60, 150, 60)}
    rows = [["filename", "hybrid_stat", "subspecies", "parent_subspecies_1", "parent_subspecies_2"]]
    for (name, colour), shift in itertools.product(colours.items(), range(4)):
        rows.append([f"p{name[0]}{shift}.jpg", "non-hybrid", name, "", ""])
        draw(folder / "images" / rows[-1][0], colour, shift)
    for shift in range(2):
        rows.append([f"h{shift}.jpg", "hybrid", "", "8.0", "9.0"])
        draw(folder / "images" / rows[-1][0], (125, 105, 50), shift)
    with (folder / "train.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def prepare_few(data: Path, out: Path, *more: str) -> int:
    few = ["--size", "32", "--signal-images", "6", "--per-pair", "3", *more]
    return prepare.main(["--data", str(data), "--out", str(out), *few])


def run_training(dataroot: Path, out: Path, *more: str) -> int:
    arguments = ["--dataroot", str(dataroot / "Lists" / "train"), "--out", str(out), *SMALLEST]
    return training.main([*arguments, "--epochs", "2", "--decay-epochs", "1", *more])


def table_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def shapes_of(network) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def small_vgg():
    """Layers in the same places as VGG19's, with few channels and lively random weights."""
    torch.manual_seed(0)
    features = losses.vgg19_features((4, 4, 0, 4, 4, 0, 8, 8, 8, 8, 0, 8, 8, 8, 8, 0, 8))
    for layer in features:
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return features


def gradient_picture(side: int = 48):
    """Red rises to the right, green downwards, so that colours tell where a pixel came from."""
    line = torch.linspace(-1, 1, side)
    return torch.stack([line.expand(side, side), line[:, None].expand(side, side)] * 2)[:3]
