"""The parts of dinov2_ensemble: score, classifiers, features, pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from tests.support.dinov2 import (
    PREPROCESSING,
    TINY,
    TRAIN,
    features_and_labels,
)
from training.common.errors import DataError
from training.hybrid.dinov2.heads import as_arrays, fit_calibrated, fit_mlp, log_odds_of
from training.hybrid.dinov2.recipe import PRESETS
from wildlife_wings.dinov2_backbone import Backbone
from wildlife_wings.dinov2_heads import HybridMLP, combined
from wildlife_wings.dinov2_pixels import normalised, square_pixels

pytestmark = pytest.mark.usefixtures("module_on_one_thread")


# The score


@pytest.mark.parametrize(
    ("name", "mlp", "sgd", "probability"),
    [
        ("max", 0.8, 0.3, 0.8),
        ("max", 0.1, 0.3, 0.3),
        ("mean", 0.8, 0.3, 0.55),
        ("mlp", 0.8, 0.3, 0.8),
        ("sgd", 0.8, 0.3, 0.3),
    ],
)
def test_the_score_is_the_log_odds_of_the_combined_probability(
    name: str, mlp: float, sgd: float, probability: float
) -> None:
    def log_odds(p: float) -> float:
        return float(np.log(p / (1 - p)))

    assert combined(name, log_odds(mlp), log_odds(sgd)) == pytest.approx(log_odds(probability))


def test_the_score_ranks_as_the_published_one_and_does_not_saturate() -> None:
    both = np.random.default_rng(1).normal(0, 4, (300, 2))
    published = (1 / (1 + np.exp(-both))).max(axis=1)
    scores = [combined("max", m, s) for m, s in both.tolist()]
    assert np.array_equal(np.argsort(published), np.argsort(scores))
    assert combined("max", 41.0, 3.0) > combined("max", 40.0, 39.0)
    assert combined("mean", 800.0, 800.0) == pytest.approx(800.0)


def test_an_unknown_score_is_refused() -> None:
    with pytest.raises(ValueError, match="'median', expected one of"):
        combined("median", 0.0, 0.0)


def test_the_arrays_give_scikit_learns_probability() -> None:
    features, hybrid = features_and_labels()
    classifier = fit_calibrated(features, hybrid, seed=0)
    linear = as_arrays(classifier)
    odds = np.array([linear.log_odds(row) for row in features.astype(np.float64)])
    expected = classifier.predict_proba(features)[:, 1]
    assert len(linear.intercepts) == 5
    assert 1 / (1 + np.exp(-odds)) == pytest.approx(expected, abs=1e-6)


def test_too_few_hybrids_for_the_calibration_are_said() -> None:
    features, _ = features_and_labels()
    hybrid = np.arange(len(features)) < 3
    with pytest.raises(DataError, match="3 hybrids: at least 5 of each are needed"):
        fit_calibrated(features, hybrid, seed=0)


# The published layers


def test_at_full_size_names_and_shapes_are_the_published_ones() -> None:
    with torch.device("meta"):
        mlp = HybridMLP(1536, (1024, 1024, 512))
    expected: dict[str, tuple[int, ...]] = {}
    for number, (inputs, outputs) in ((0, (1536, 1024)), (3, (1024, 1024)), (6, (1024, 512))):
        expected[f"classifier.{number}.weight"] = (outputs, inputs)
        expected[f"classifier.{number}.bias"] = (outputs,)
        for name in ("weight", "bias", "running_mean", "running_var"):
            expected[f"classifier.{number + 1}.{name}"] = (outputs,)
        expected[f"classifier.{number + 1}.num_batches_tracked"] = ()
    expected |= {"classifier.9.weight": (2, 512), "classifier.9.bias": (2,)}
    assert {name: tuple(t.shape) for name, t in mlp.state_dict().items()} == expected


def test_the_full_preset_has_the_published_values() -> None:
    full = PRESETS["full"]
    assert (full.cut, full.image_size, full.score) == ("whole", 224, "max")
    assert full.shifts == ((0, 0),)
    assert (full.mlp_widths, full.mlp_steps, full.mlp_learning_rate) == (
        (1024, 1024, 512),
        200,
        1e-4,
    )


def test_the_mlps_loss_falls() -> None:
    features, hybrid = features_and_labels()
    mlp, losses = fit_mlp(features, hybrid, (8, 8, 4), steps=40, learning_rate=1e-2, seed=0)
    assert losses[-1] < 0.7 * losses[0]
    odds = log_odds_of(mlp, as_arrays(fit_calibrated(features, hybrid, seed=0)), features)
    assert odds[hybrid].mean(axis=0).min() > odds[~hybrid].mean(axis=0).max()


def channels_first(pixels: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(pixels).movedim(-1, -3)


def test_features_are_the_class_token_and_the_mean_patch() -> None:
    network = TINY.network()
    network.train(False)
    pixels = np.random.default_rng(3).integers(0, 256, (2, 48, 48, 3)).astype(np.uint8)
    found = Backbone(network, PREPROCESSING | {"shifts": [[0, 0]]}).of_pixels(pixels)
    with torch.inference_mode():
        tokens = network(
            pixel_values=normalised(channels_first(pixels), PREPROCESSING)
        ).last_hidden_state
    assert tokens.shape == (2, 1 + 36, 16)
    assert found[:, :16] == pytest.approx(tokens[:, 0].numpy(), abs=1e-5)
    assert found[:, 16:] == pytest.approx(tokens[:, 1:].numpy().mean(axis=1), abs=1e-5)


def test_features_are_the_mean_over_shifted_images() -> None:
    network = TINY.network()
    network.train(False)
    pixels = np.random.default_rng(3).integers(0, 256, (2, 48, 48, 3)).astype(np.uint8)
    edges = np.pad(pixels, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    still = Backbone(network, PREPROCESSING | {"shifts": [[0, 0]]})
    right_and_up = still.of_pixels(edges[:, 2:, :-2])
    found = Backbone(network, PREPROCESSING | {"shifts": [[0, 0], [1, -1]]}).of_pixels(pixels)
    assert found == pytest.approx((still.of_pixels(pixels) + right_and_up) / 2, abs=1e-5)
    assert PREPROCESSING["shifts"] == [[0, 0], [1, 1], [-1, 1], [1, -1], [-1, -1]]


# Preprocessing


def test_pixels_are_normalised_as_imagenet() -> None:
    pixels = np.array([0, 255], dtype=np.uint8)[:, None, None].repeat(3, axis=2)
    found = normalised(channels_first(pixels), PREPROCESSING)
    assert found.shape == (3, 2, 1)
    assert found[:, 0, 0].tolist() == pytest.approx([-2.1179, -2.0357, -1.8044], abs=1e-4)
    assert found[:, 1, 0].tolist() == pytest.approx([2.2489, 2.4286, 2.64], abs=1e-4)


def test_the_whole_image_is_squeezed_and_upright(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 20), (255, 0, 0))
    image.paste((0, 0, 255), (20, 0, 40, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # the image's left side is at the top
    image.save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as turned:
        found = square_pixels(turned, {"cut": "whole", "image_size": 16})
    assert found.shape == (16, 16, 3)
    assert found[0].tolist() == [[255, 0, 0]] * 16
    assert found[-1].tolist() == [[0, 0, 255]] * 16


def test_a_wing_side_is_the_same_for_a_mirrored_image_and_on_white() -> None:
    path = sorted((TRAIN / "images").glob("*.jpg"))[0]
    with Image.open(path) as image:
        straight = square_pixels(image.convert("RGB"), PREPROCESSING).astype(float)
        mirrored = image.convert("RGB").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    found = square_pixels(mirrored, PREPROCESSING).astype(float)
    assert np.abs(found - straight).mean() < 6
    assert straight[-1, -1].min() > 250  # below the wing tip
    assert straight[20:28, 4:12].mean() < 235


def test_an_unknown_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="'half', expected one of"):
        square_pixels(Image.new("RGB", (8, 8)), {"cut": "half", "image_size": 8})
