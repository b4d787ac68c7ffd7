"""Tables of landmarks, images varied with them, and what lies between them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from training.common.errors import DataError
from training.reid.landmarks import data as landmark_data
from training.reid.landmarks import train as train_landmarks
from wildlife_image.square import square
from wildlife_reid.alignment import (
    ACROSS,
    ALONG,
    SIZE,
    LandmarkNetwork,
    animal_square,
    network_input,
    unwrapped,
)

SETTINGS = {"image_size": 16, "mean": [0.5] * 3, "std": [0.5] * 3}


def grid(left: float, top: float, right: float, bottom: float) -> torch.Tensor:
    x, y = np.meshgrid(np.linspace(left, right, ALONG), np.linspace(top, bottom, ACROSS))
    return torch.tensor(np.stack([x.ravel(), y.ravel()], axis=1))[None].float()


def write_table(folder: Path, rows: list[list[object]], columns: tuple[str, ...]) -> None:
    with (folder / landmark_data.TABLE).open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def test_landmarks_on_the_square_by_hand(tmp_path: Path) -> None:
    """In an image of 100 x 50, centred on its square, the top left pixel's centre is half a pixel
    inside, and 25 pixels down."""
    Image.new("RGB", (100, 50)).save(tmp_path / "a.png")
    write_table(tmp_path, [["a.png", *([0, 0] * 9), 99, 49]], landmark_data.COLUMNS)
    points = landmark_data.read_marked(tmp_path).points[0]
    assert points[0].tolist() == pytest.approx([-0.99, -0.49])
    assert points[9].tolist() == pytest.approx([0.99, 0.49])


@pytest.mark.parametrize(
    ("rows", "columns", "said"),
    [
        ([], landmark_data.COLUMNS, "no row"),
        ([["a.png", *["1"] * 19]], landmark_data.COLUMNS[:-1], "lacks ['y9']"),
        ([["a.png", *["nan"] * 20]], landmark_data.COLUMNS, "line 2: expected 20 numbers"),
        ([["a.png", *["1"] * 20], ["b.png", "x"]], landmark_data.COLUMNS, "line 3: expected 20"),
        ([["gone.png", *["1"] * 20]], landmark_data.COLUMNS, "gone.png cannot be read"),
    ],
)
def test_a_bad_table_is_refused(
    tmp_path: Path, rows: list[list[object]], columns: tuple[str, ...], said: str
) -> None:
    write_table(tmp_path, rows, columns)
    with pytest.raises(DataError) as error:
        landmark_data.read_marked(tmp_path)
    assert said in str(error.value)


def test_a_folder_without_landmarks_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.safetensors"
    assert train_landmarks.main(["--data", str(tmp_path), "--out", str(out)]) == 1
    assert "landmarks.csv is missing" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["--epochs", "--steps", "--rate"])
def test_nothing_is_trained_in_no_steps(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--data", str(tmp_path), "--out", str(tmp_path / "out"), option, "0"]
    with pytest.raises(SystemExit) as caught:
        train_landmarks.main(command)
    assert caught.value.code == 2
    assert f"{option} 0" in capsys.readouterr().err


def test_images_are_varied_together_with_their_landmarks() -> None:
    """A bright dot is where its landmark goes."""
    torch.manual_seed(0)
    pixels = torch.zeros(12, 3, SIZE, SIZE)
    pixels[:, :, 40:43, 50:53] = 1.0
    places = torch.tensor([[[51.0, 41.0]]]).expand(12, 1, 2)
    varied, moved = train_landmarks.variation()(pixels, places)
    inside = ((moved > 4) & (moved < SIZE - 5)).all(dim=2).flatten()
    assert inside.sum() >= 10
    for image, place in zip(varied[inside], moved[inside], strict=True):
        bright = (image.mean(dim=0) > 0.3).nonzero().float()
        assert (bright.mean(dim=0).flip(0) - place[0]).abs().max() < 1.5


def test_what_is_between_the_landmarks_fills_the_square() -> None:
    canvas = torch.rand(1, 3, 64, 64)
    whole = unwrapped(canvas, grid(-1, -1, 1, 1), 32)
    # The outermost samples lie on the very edge, so compare what is inside.
    inside = torch.nn.functional.avg_pool2d(canvas, 2)[:, :, 4:-4, 4:-4]
    correlation = np.corrcoef(whole[:, :, 4:-4, 4:-4].flatten(), inside.flatten())[0, 1]
    assert correlation > 0.7
    canvas = torch.zeros(1, 3, 64, 64)
    canvas[:, :, 16:48, 32:] = 1.0
    assert unwrapped(canvas, grid(0.1, -0.4, 0.9, 0.4), 8).min() == 1.0
    assert unwrapped(canvas, grid(-0.9, -0.4, -0.1, 0.4), 8).max() == 0.0


def test_turned_and_bent_animals_come_out_alike() -> None:
    """Landmarks that turn with the image leave the square as it was."""
    canvas = torch.rand(1, 3, 64, 64)
    points = grid(-0.6, -0.4, 0.5, 0.4)
    points[0, :, 1] += 0.2 * points[0, :, 0] ** 2
    turned = torch.stack([-points[..., 1], points[..., 0]], dim=2)  # a quarter to the right
    first = unwrapped(canvas, points, 16)
    assert torch.allclose(unwrapped(canvas.rot90(-1, (2, 3)), turned, 16), first, atol=1e-5)


def test_landmarks_may_lie_outside_the_frame_but_not_far() -> None:
    torch.manual_seed(1)
    network = LandmarkNetwork().eval()
    with torch.no_grad():
        network.get_parameter("maps.1.weight").mul_(1e4)  # as sure as can be of some cell
    with torch.inference_mode():
        found = network(torch.rand(4, 3, SIZE, SIZE))
    assert found.shape == (4, 10, 2)
    assert 1.0 < found.abs().max() < 1.25


def test_without_a_network_a_image_is_taken_whole() -> None:
    image = Image.effect_noise((40, 30), 60).convert("RGB")
    assert (animal_square(image, 16, None) == square(image, 16)).all()
    assert network_input(image, SETTINGS, None).shape == (3, 16, 16)
