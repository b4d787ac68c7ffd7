"""Tables, small runs, images and networks for the tests of synthetic_hybrids."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn

from training.hybrid.synthetic_hybrids import losses, prepare
from training.hybrid.synthetic_hybrids import train as training

SMALLEST = [
    "--size",
    "32",
    "--ngf",
    "4",
    "--ndf",
    "4",
    "--n-downsample",
    "2",
    "--n-blocks",
    "1",
    "--batch",
    "4",
    "--save-every",
    "8",
    "--threads",
    "1",
]


def draw(path: Path, colour: tuple[int, int, int], shift: int) -> None:
    image = Image.new("RGB", (60, 44), (235, 232, 226))
    pen = ImageDraw.Draw(image)
    pen.ellipse((6 + shift, 8, 28 + shift, 34), fill=colour, outline=(20, 20, 20))
    pen.ellipse((28 + shift, 8, 50 + shift, 34), fill=colour, outline=(20, 20, 20))
    image.save(path, quality=95)


def write_table_of_images(folder: Path) -> None:
    """A training table: three subspecies with four images each, two hybrids of 8 x 9."""
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


def shapes_of(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def small_vgg() -> nn.Sequential:
    """Layers in the same places as VGG19's, with few channels and lively random weights."""
    torch.manual_seed(0)
    features = losses.vgg19_features((4, 4, 0, 4, 4, 0, 8, 8, 8, 8, 0, 8, 8, 8, 8, 0, 8))
    for layer in features:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return features


def gradient_image(size: int = 48) -> Tensor:
    """Red rises to the right, green downwards, so that colours tell where a pixel came from."""
    line = torch.linspace(-1, 1, size)
    return torch.stack([line.expand(size, size), line[:, None].expand(size, size)] * 2)[:3]
