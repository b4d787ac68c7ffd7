"""megadescriptor_cosine: a small Swin trained contrastively, published weights, and serving."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support.retrieval import load_model, predict_offline, without_weights, write_metadata
from training.common.errors import DataError
from training.reid import megadescriptor_cosine as script
from training.reid.database import read_database
from training.reid.embedding.batches import Variation
from training.reid.embedding.recipe import ARCFACE_MARGIN, train_embedding
from training.reid.embedding.swin import PRESETS, build, embed_squares
from training.reid.images import read_squares

pytestmark = pytest.mark.usefixtures("one_thread")

SIDE = 32
CALM = Variation(turn=5, shift=0.02, zoom=(1, 1.1), jitter=0.1, grey=0, erased=0)
TINY = replace(
    PRESETS["small"],
    image_size=SIDE,
    arguments={
        "img_size": SIDE,
        "patch_size": 4,
        "embed_dim": 16,
        "depths": [1, 1],
        "num_heads": [2, 4],
        "window_size": 4,
    },
    epochs=3,
    steps=4,
    classes_per_batch=6,
    samples_per_class=3,
    variation=CALM,
)


def patterned(individual: int, copy: int) -> Image.Image:
    """An individual: a pattern of coarse colours, and the noise of a copy."""
    pattern = np.random.default_rng(individual).integers(40, 216, (3, 4, 3))
    noise = np.random.default_rng([individual, copy]).integers(-20, 21, (3, 4, 3))
    image = Image.fromarray((pattern + noise).astype(np.uint8))
    return image.resize((48, 36), Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 individuals with three images each."""
    images = [(f"newt_{n:02d}", "newt", patterned(n, c)) for n in range(12) for c in range(3)]
    return write_metadata(tmp_path_factory.mktemp("reid") / "train", images)


@pytest.fixture(scope="module")
def made(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = without_weights("megadescriptor_cosine", tmp_path_factory.mktemp("made"))
    script.make(data, out, TINY, "a test")
    return out


@pytest.fixture(scope="module")
def model(made: Path) -> Any:
    return load_model(made)


def test_the_full_size_is_published_weights_that_are_not_commercial() -> None:
    from kit.licences import is_noncommercial

    for name in ("full", "full-tiny"):
        assert PRESETS[name].backbone.startswith("hf-hub:BVRA/MegaDescriptor")
        assert is_noncommercial(PRESETS[name].licence)
        assert PRESETS[name].epochs == 0
    assert not is_noncommercial(PRESETS["small"].licence)
    assert np.deg2rad(ARCFACE_MARGIN) == pytest.approx(0.5, abs=1e-3)


def test_mean_and_std_are_settings() -> None:
    _, half = build(TINY)
    _, imagenet = build(replace(TINY, normalisation="imagenet"))
    assert half["mean"] == [0.5, 0.5, 0.5]
    assert imagenet["std"] == [0.229, 0.224, 0.225]


def test_the_loss_falls(data: Path) -> None:
    database = read_database(data)
    squares = read_squares(database.paths, SIDE)
    losses: list[float] = []
    network, _ = build(replace(TINY, epochs=6))
    train_embedding(
        replace(TINY, epochs=6),
        network,
        squares,
        database.identity,
        report=lambda epoch, loss: losses.append(loss),
    )
    assert losses[-1] < 0.9 * losses[0]


def test_the_gallery_is_the_embedding_of_every_image(made: Path, data: Path) -> None:
    from wildlife_reid.open_set import read_gallery

    config = json.loads((made / "config.json").read_text())
    gallery, arrays = read_gallery(made / config["gallery"])
    assert gallery.identity.tolist() == read_database(data).identity.tolist()
    length = np.linalg.norm(arrays["embeddings"].astype(float), axis=1)
    assert length == pytest.approx(np.ones(36), abs=1e-3)


def test_a_image_of_the_gallery_finds_itself(model: Any, data: Path) -> None:
    database = read_database(data)
    for row in (0, 17, 35):
        with Image.open(database.paths[row]) as image:
            batch = [model.preprocess(image, {"dataset": "newt"})]
        name, cosine = model.explain_batch(batch)[0][0]
        assert name == database.identity[row]
        assert cosine == pytest.approx(1, abs=2e-3)


def test_batches_and_single_images_agree(model: Any, data: Path) -> None:
    images = [Image.open(path) for path in read_database(data).paths[:6]]
    single = [model.predict(image, {"dataset": "newt"}) for image in images]
    batch = [model.preprocess(image, {"dataset": "newt"}) for image in images]
    assert model.predict_batch(batch) == single


def test_an_embedding_that_is_not_finite_is_said() -> None:
    network, settings = build(TINY)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(float("nan"))
    squares = torch.zeros(2, 3, SIDE, SIDE, dtype=torch.uint8)
    with pytest.raises(DataError, match="2 images have an embedding that is not finite"):
        embed_squares(network, squares, settings)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "side"),
    [("swin_tiny_patch4_window7_224", 224), ("swin_large_patch4_window12_384", 384)],
)
def test_full_size_offline(architecture: str, side: int, data: Path, tmp_path: Path) -> None:
    """Random weights in timm's public format; no epoch, as published; two images."""
    import timm
    from timm.models import save_for_hf

    public = tmp_path / "public"
    network = timm.create_model(architecture, pretrained=False, num_classes=0)
    save_for_hf(network, str(public), safe_serialization=True)
    out = without_weights("megadescriptor_cosine", tmp_path)
    arguments = ["--data", data, "--out", out, "--preset", "full"]
    if side == 224:  # two steps of training too
        arguments += ["--epochs", 1, "--steps", 2]
    arguments += ["--backbone", f"local-dir:{public}"]
    assert script.main([str(item) for item in arguments]) == 0
    config = json.loads((out / "config.json").read_text())
    assert (config["network"]["architecture"], config["network"]["image_size"]) == (
        architecture,
        side,
    )
    assert "CC-BY-NC-4.0" in (out / "weights.json").read_text()
    predict_offline(out, "newt", read_database(data).paths[:2])
