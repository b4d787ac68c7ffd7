"""The exploration as a command: what it writes, that it is the same every time, what it refuses."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file

from tests.support.base_networks import use_random_base
from tests.support.crops import MeanColours, draw_camera_traps
from training.anomaly import explore
from training.anomaly.camera_traps import IMAGES, read_camera_traps
from training.anomaly.exploring.crops import crop_features, crops_of, squares, trained_encoder
from training.anomaly.exploring.thumbnails import SIZES, sheet
from training.anomaly.simclr.files import write_encoder
from training.anomaly.simclr.recipe import FROZEN, build
from training.common.errors import FeatureError
from training.common.script import run
from wildlife_anomaly.crops import rescaled, served_frame
from wildlife_anomaly.encoder import Encoder, ServedEncoder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_camera_traps(tmp_path_factory.mktemp("traps") / "train")


def command(data: Path, out: Path, *more: str, encoder: MeanColours | None = None) -> int:
    """Run the command with an encoder that needs no weights."""
    cache = out.parent / "cache"
    arguments = ["--data", str(data), "--out", str(out), "--cache", str(cache), *more]
    options = explore.parse(arguments)
    return run(options, lambda: explore.explore(options, encoder or MeanColours()))


def table(out: Path) -> list[dict[str, str]]:
    with (out / "explore.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def data_of(out: Path) -> dict[str, object]:
    page = (out / "explore.html").read_text(encoding="utf-8")
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    found: dict[str, object] = json.loads(text)
    return found


def test_every_crop_has_a_row_and_the_odd_ones_are_outliers(data: Path, tmp_path: Path) -> None:
    assert command(data, tmp_path / "out") == 0
    rows = table(tmp_path / "out")
    assert len(rows) == 48
    assert rows[1]["crop"] == "feeder_00.png#2"
    assert (rows[0]["species"], rows[0]["location"], rows[0]["sequence"]) == (
        "wren",
        "feeder",
        "feeder0",
    )
    outliers = {row["crop"] for row in rows if row["outlier"] == "1"}
    assert {"feeder_00.png#1", "pond_01.png#1"} <= outliers
    assert len(outliers) < 12
    assert all((row["cluster"] == "") == (row["outlier"] == "1") for row in rows)
    sizes = np.bincount([int(row["cluster"]) for row in rows if row["cluster"]])
    assert sizes[0] == 0
    assert list(sizes[1:]) == sorted(sizes[1:], reverse=True)


def test_page_and_table_say_the_same(data: Path, tmp_path: Path) -> None:
    command(data, tmp_path / "out")
    drawn = data_of(tmp_path / "out")
    rows = table(tmp_path / "out")
    assert [crop[4] for crop in drawn["crops"]] == [row["crop"] for row in rows]  # type: ignore[attr-defined]
    labels = [crop[2] for crop in drawn["crops"]]  # type: ignore[attr-defined]
    assert labels == [int(row["cluster"]) - 1 if row["cluster"] else -1 for row in rows]
    places = np.array(drawn["planes"]["t-SNE"])  # type: ignore[index]
    assert places.shape == (48, 2)
    assert places.min() >= 0
    assert places.max() <= 1000
    order = [crop[3] for crop in drawn["crops"]]  # type: ignore[attr-defined]
    assert sorted(order) == list(range(48))


def test_the_same_command_gives_the_same_bytes(data: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        command(data, tmp_path / name)
    for file in ("explore.html", "explore.csv"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    command(data, tmp_path / "c", "--seed", "1")
    assert (tmp_path / "a" / "explore.csv").read_bytes() == (
        tmp_path / "c" / "explore.csv"
    ).read_bytes(), "the seed moves the plane only"
    assert data_of(tmp_path / "a") != data_of(tmp_path / "c")


def test_features_are_computed_once(data: Path, tmp_path: Path) -> None:
    first, second, third = MeanColours(), MeanColours(), MeanColours()
    command(data, tmp_path / "a", encoder=first)
    command(data, tmp_path / "b", "--eps", "3", encoder=second)
    third.digest = "another network"
    command(data, tmp_path / "c", encoder=third)
    assert (first.seen, second.seen, third.seen) == (48, 0, 48)


def test_the_page_opens_nothing_and_names_are_only_text(tmp_path: Path) -> None:
    folder = draw_camera_traps(tmp_path / "train", frames=6)
    annotations = folder / "annotations.json"
    text = annotations.read_text(encoding="utf-8")
    annotations.write_text(text.replace('"wren"', '"</script><b>wren"'), encoding="utf-8")
    assert command(folder, tmp_path / "out") == 0
    page = (tmp_path / "out" / "explore.html").read_text(encoding="utf-8")
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", page)
    assert "<b>wren" not in page
    assert "</script><b>wren" in data_of(tmp_path / "out")["species"]  # type: ignore[operator]
    assert "DBSCAN decides in PCA space" in page
    assert "The plane is for the eye" in page.replace("\n", " ")


def test_six_hundred_crops_stay_below_three_megabytes() -> None:
    rng = np.random.default_rng(0)
    noisy = [Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)) for _ in range(600)]
    drawn = sheet(noisy)
    assert len(drawn.address) < 2.9e6
    assert drawn.size < SIZES[0], "noise compresses badly, so that its tiles are smaller"
    assert drawn.columns * drawn.rows >= 600
    plain = sheet([Image.new("RGB", (40, 40), (200, 30, 30))] * 3)
    assert plain.size == SIZES[0]
    image = Image.open(io.BytesIO(base64.b64decode(plain.address.split(",")[1])))
    assert image.size == (plain.columns * plain.size, plain.rows * plain.size)


def test_the_crop_on_the_page_is_the_one_that_the_encoder_saw(data: Path) -> None:
    frames = read_camera_traps(data)
    crops = crops_of(frames)
    pixels = list(squares(data, frames, 32, 0.1))
    assert len(pixels) == len(crops) == 48
    for crop, square in list(zip(crops, pixels, strict=True))[4:]:
        loudest = int(np.argmax(square[16, 16, :3]))
        assert loudest == {"jay": 2, "robin": 0, "wren": 1}[crop.box.species]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--perplexity", "48"], "--perplexity 48: expected less than the number of crops, 48"),
        (["--min-samples", "49"], "--min-samples 49: expected at most the number of crops, 48"),
    ],
)
def test_options_that_do_not_fit_are_one_message(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert command(data, tmp_path / "out", *options) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", ["--eps", "--perplexity", "--min-samples"])
def test_values_of_zero_are_usage_errors(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        command(data, tmp_path / "out", option, "0")
    assert ended.value.code == 2
    assert f"{option} 0: expected more than 0" in capsys.readouterr().err


def test_too_few_crops_and_damaged_images_are_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = draw_camera_traps(tmp_path / "train", frames=2)
    assert command(folder, tmp_path / "out") == 1
    assert "has 4 crop(s), expected at least 6" in capsys.readouterr().err
    folder = draw_camera_traps(tmp_path / "damaged", frames=8)
    for name in ("feeder_02.png", "pond_05.png"):
        path = folder / IMAGES / name
        path.write_bytes(path.read_bytes()[:-60])
    assert command(folder, tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert "2 " in said
    assert "feeder_02.png" in said
    assert "pond_05.png" in said
    assert not (tmp_path / "out").exists()


def test_features_that_are_not_finite_name_their_crops(data: Path, tmp_path: Path) -> None:
    class Broken(MeanColours):
        def features(self, pixels: np.ndarray) -> np.ndarray:
            found = super().features(pixels)
            found[1] = np.nan
            return found

    with pytest.raises(FeatureError, match=r"features of 2 of 48 crops.*feeder_00\.png#2"):
        crop_features(data, read_camera_traps(data), Broken(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_encoder_that_weighs_by_the_box_is_fed_as_it_serves(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bases").mkdir()
    use_random_base(monkeypatch, tmp_path / "bases")
    network, settings = build(replace(FROZEN, image_size=32))
    write_encoder(tmp_path / "encoder", settings, {})
    found = trained_encoder(tmp_path / "encoder")
    frames = read_camera_traps(data)
    features = crop_features(data, frames, found, tmp_path)
    box = frames[0].boxes[0]
    with Image.open(data / IMAGES / frames[0].file_name) as image:
        whole = served_frame(image)
    measured = (frames[0].width, frames[0].height)
    place = rescaled((box.left, box.top, box.width, box.height), measured, whole.size)
    served = ServedEncoder(network.eval())
    expected = served.of_crops(served.crops(whole, [place], grey=False))
    np.testing.assert_allclose(features[:1], expected, rtol=1e-4, atol=1e-4)


def test_a_trained_encoder_is_used_and_another_folder_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "encoder"
    (folder / "weights").mkdir(parents=True)
    settings = {"architecture": "resnet10t", "image_size": 32, "margin": 0.2}
    settings |= {"mean": [0.5] * 3, "std": [0.5] * 3, "weights": "weights/encoder.safetensors"}
    network = Encoder(settings)
    save_file(network.state_dict(), folder / "weights" / "encoder.safetensors")
    (folder / "encoder.json").write_text(json.dumps(settings), encoding="utf-8")
    found = trained_encoder(folder)
    assert (found.size, found.margin) == (32, 0.2)
    features = crop_features(data, read_camera_traps(data), found, tmp_path)
    assert features.shape == (48, network.features)
    empty = tmp_path / "empty"
    arguments = ["--data", str(data), "--out", str(tmp_path / "out"), "--encoder", str(empty)]
    assert explore.main(arguments) == 1
    assert "expected an encoder that `python -m training.anomaly.train" in capsys.readouterr().err
