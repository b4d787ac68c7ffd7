"""The submission bioclip_wings: scores by hand and by definition, published layouts, images."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import open_clip  # type: ignore[import-untyped]
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from wildlife_wings import clip_tower
from wildlife_wings.clip_scores import (
    LIMIT,
    FeatureStatistics,
    combined,
    hybrid_class,
    hybrid_or_margin,
    midpoint,
    relative_mahalanobis,
    two_parents,
)
from wildlife_wings.clip_views import halves, normalised, square
from wildlife_wings.unet import CheckpointError

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "submissions" / "bioclip_wings"

Array = NDArray[np.float64]
Statistics = tuple[FeatureStatistics, Array, Array]  # with both covariances
TINY: dict[str, Any] = {
    "embed_dim": 6,
    "vision_cfg": {"image_size": 16, "layers": 2, "width": 8, "head_width": 4, "patch_size": 8},
}
TEXT = {"context_length": 4, "vocab_size": 10, "width": 8, "heads": 1, "layers": 1}


def odds(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def logits_of(*probabilities: float) -> Array:
    return np.asarray(np.log(np.array(probabilities)))


@pytest.mark.parametrize(
    ("probabilities", "hybrid", "expected"),
    [
        ((0.6, 0.3, 0.1), None, 0.7),
        ((0.5, 0.2, 0.1, 0.2), 3, 0.7),
        ((0.2, 0.5, 0.2, 0.1), 0, 0.7),
        ((0.02, 0.01, 0.01, 0.96), 3, 0.99),  # 1 - (0.02 - 0.01) is more than 0.96
        ((0.3, 0.0001, 0.0001, 0.6998), 3, 0.7001),
    ],
)
def test_margin_by_hand(
    probabilities: tuple[float, ...], hybrid: int | None, expected: float
) -> None:
    assert hybrid_or_margin(logits_of(*probabilities), hybrid) == pytest.approx(odds(expected))


@pytest.mark.parametrize(
    ("probabilities", "hybrid", "expected"),
    [
        ((0.8, 0.15, 0.05), None, 0.2),
        ((0.6, 0.3, 0.1), None, 0.9),
        ((0.4, 0.075, 0.025, 0.5), 3, 0.2),  # among the subspecies alone these are the first
        ((0.7, 0.2, 0.06, 0.04), None, 0.9),
    ],
)
def test_two_parents_by_hand(
    probabilities: tuple[float, ...], hybrid: int | None, expected: float
) -> None:
    assert two_parents(logits_of(*probabilities), hybrid) == pytest.approx(odds(expected))


def test_hybrid_class_is_its_log_odds() -> None:
    assert hybrid_class(logits_of(0.5, 0.3, 0.2), 2) == pytest.approx(odds(0.2))


def by_definition(logits: Array, hybrid: int | None) -> tuple[float, float]:
    """The published scores, written as published."""
    p = np.exp(logits) / np.exp(logits).sum()
    pure = np.delete(p, hybrid) if hybrid is not None else p
    first, second = sorted(pure, reverse=True)[:2]
    margin = 1 - (first - second)
    best = margin if hybrid is None else max(float(p[hybrid]), margin)
    alone = sorted(pure / pure.sum(), reverse=True)
    return best, 1 - alone[0] if alone[0] > 0.75 else alone[0] + alone[1]


@pytest.mark.parametrize("hybrid", [None, 0, 5])
def test_both_scores_are_the_published_ones_as_log_odds(hybrid: int | None) -> None:
    for logits in np.random.default_rng(1).normal(0, 2.5, (300, 6)):
        margin, parents = by_definition(logits, hybrid)
        assert hybrid_or_margin(logits, hybrid) == pytest.approx(odds(margin), abs=1e-6)
        assert two_parents(logits, hybrid) == pytest.approx(odds(parents), abs=1e-6)


@pytest.mark.parametrize("scorer", [hybrid_or_margin, two_parents])
def test_a_constant_and_the_order_of_classes_change_nothing(scorer: Callable[..., float]) -> None:
    rng = np.random.default_rng(2)
    for logits in rng.normal(0, 3, (50, 5)):
        expected = scorer(logits, 4)
        assert scorer(logits + 700.0, 4) == pytest.approx(expected)
        order = [*rng.permutation(4), 4]
        assert scorer(logits[order], 4) == pytest.approx(expected)


@pytest.mark.parametrize("scorer", [hybrid_or_margin, two_parents])
def test_sure_images_still_differ_in_four_decimals(scorer: Callable[..., float]) -> None:
    surer = [scorer(np.array([gap, 0.0, -1.0, -3.0]), 3) for gap in (30.0, 31.0, 60.0, 600.0)]
    assert sorted({round(value, 4) for value in surer}, reverse=True) == [
        round(value, 4) for value in surer
    ]


def test_equal_and_extreme_logits_give_finite_scores() -> None:
    for logits in (np.zeros(4), np.array([5.0, 5.0, -1e5, -1e5]), np.array([1e5, 0, 0, -1e5])):
        for value in (hybrid_or_margin(logits, 3), two_parents(logits, 3), hybrid_class(logits, 3)):
            assert np.isfinite(value)
            assert abs(value) <= LIMIT


def whitening(covariance: Array) -> Array:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors / np.sqrt(values))


@pytest.fixture
def statistics() -> Statistics:
    """With the two covariances that its maps stand for."""
    rng = np.random.default_rng(3)
    within, background = (a @ a.T + np.eye(3) for a in rng.normal(size=(2, 3, 3)))
    pairs = np.array([[0, 0, 1], [1, 2, 2]])
    means = rng.normal(0, 4, (3, 3))
    made = FeatureStatistics(
        means, whitening(within), means.mean(axis=0), whitening(background), pairs
    )
    return made, within, background


def test_relative_mahalanobis_by_definition(statistics: Statistics) -> None:
    made, within, background = statistics
    for x in np.random.default_rng(4).normal(0, 4, (20, 3)):
        near = min((x - m) @ np.linalg.inv(within) @ (x - m) for m in made.means)
        away = x - made.background_mean
        expected = near - away @ np.linalg.inv(background) @ away
        assert relative_mahalanobis(x, made) == pytest.approx(expected)


def test_midpoint_is_high_between_and_low_at_a_class(statistics: Statistics) -> None:
    made, _, _ = statistics
    between = midpoint((made.means[0] + made.means[1]) / 2, made)
    assert between > 0 > max(midpoint(mean, made) for mean in made.means)


def test_a_combination_is_a_weighted_sum_of_parts() -> None:
    assert combined({"a": 2.0, "b": 5.0, "c": 1.0}, {"a": 0.5, "c": 3.0}) == 4.0


def test_distances_are_measured_as_in_training(statistics: Statistics) -> None:
    made, _, _ = statistics
    assert made.class_distances(made.means[1])[1] == pytest.approx(0, abs=1e-9)
    assert made.background_distance(made.background_mean) == pytest.approx(0, abs=1e-9)


@pytest.fixture(scope="module")
def whole_model() -> torch.nn.Module:
    torch.manual_seed(0)
    network: torch.nn.Module = open_clip.CLIP(**TINY, text_cfg=dict(TEXT)).eval()
    return network


@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_published_tower_is_read_out_of_the_whole_model(
    tmp_path: Path, whole_model: Any, prefix: str
) -> None:
    path = tmp_path / "fine_tuned_bioclip_select_wings.pth"
    torch.save({prefix + n: t for n, t in whole_model.state_dict().items()}, path)
    tower = clip_tower.read_tower(TINY, path)
    pixels = torch.randn(2, 3, 16, 16)
    assert not tower.training
    assert torch.equal(tower(pixels), whole_model.encode_image(pixels))


@pytest.mark.parametrize("names", ["{}", "fc.{}", "module.{}"])
def test_the_published_head_is_read_with_any_prefix(tmp_path: Path, names: str) -> None:
    head = torch.nn.Linear(6, 4)
    path = tmp_path / "cl_head_select_wings.pth"
    torch.save({names.format(n): t for n, t in head.state_dict().items()}, path)
    read = clip_tower.read_head(path, 6, 4)
    assert torch.equal(read.weight, head.weight)
    with pytest.raises(CheckpointError, match=r"expected 6 features to 15 classes\n.*weight is"):
        clip_tower.read_head(path, 6, 15)


def test_another_architecture_is_said_with_names_and_shapes(
    tmp_path: Path, whole_model: Any
) -> None:
    path = tmp_path / "other.pth"
    torch.save(whole_model.state_dict(), path)
    other = {**TINY, "vision_cfg": {**TINY["vision_cfg"], "layers": 3}}
    with pytest.raises(CheckpointError, match=r"missing: transformer\.resblocks\.2"):
        clip_tower.read_tower(other, path)
    with pytest.raises(CheckpointError, match=r"nowhere\.pth is missing"):
        clip_tower.read_tower(TINY, tmp_path / "nowhere.pth")
    path.write_bytes(b"no checkpoint")
    with pytest.raises(CheckpointError, match="cannot be read as a checkpoint"):
        clip_tower.read_tower(TINY, path)


def test_a_folder_of_open_clips_layout_names_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"open_clip_config\.json is missing"):
        clip_tower.read_folder(tmp_path)
    config = tmp_path / "open_clip_config.json"
    config.write_text(json.dumps({"model_cfg": TINY}))
    assert clip_tower.read_folder(tmp_path) == (TINY, tmp_path / "open_clip_model.safetensors")
    (tmp_path / "open_clip_pytorch_model.bin").touch()
    assert clip_tower.read_folder(tmp_path)[1].name == "open_clip_pytorch_model.bin"
    config.write_text("{}")
    with pytest.raises(CheckpointError, match="no model_cfg"):
        clip_tower.read_folder(tmp_path)


def butterfly(paper: tuple[int, int, int]) -> tuple[Image.Image, NDArray[np.bool_]]:
    """Two dark wings with a red patch on each, and where they are."""
    image = Image.new("RGB", (120, 80), paper)
    mask = Image.new("1", image.size)
    for target, fill in ((image, (40, 30, 20)), (mask, 1)):
        draw = ImageDraw.Draw(target)
        draw.polygon([(60, 40), (110, 15), (100, 45), (75, 65)], fill=fill)
        draw.polygon([(60, 40), (10, 15), (20, 45), (45, 65)], fill=fill)
    draw = ImageDraw.Draw(image)
    draw.rectangle((85, 28, 95, 38), fill=(200, 40, 30))
    draw.rectangle((25, 28, 35, 38), fill=(200, 40, 30))
    return image, np.array(mask)


def test_halves_mirror_each_other_on_white() -> None:
    views = halves(*butterfly((230, 230, 230)))
    assert (views.shape, views.dtype) == ((2, 3, 72, 48), torch.uint8)
    assert (views[0].int() - views[1].int()).abs().float().mean() < 6
    assert (views == 255).all(dim=1).float().mean() > 0.2


def test_coloured_light_is_taken_out() -> None:
    image, mask = butterfly((250, 250, 250))
    lit = Image.fromarray((np.asarray(image) * [0.9, 0.7, 0.8]).astype(np.uint8))
    difference = halves(image, mask).int() - halves(lit, mask).int()
    assert difference.abs().float().mean() < 2


def test_the_published_view_is_the_middle_of_the_resized_image() -> None:
    image = Image.new("RGB", (300, 100), (255, 255, 255))
    view = square(image, {"resize": 32, "image_size": 28})
    assert (view.shape, view.dtype) == ((1, 3, 28, 28), torch.uint8)
    settings = {"mean": [0.5, 0.25, 0.0], "std": [0.5, 0.25, 1.0]}
    assert normalised(view, settings)[0, :, 0, 0].tolist() == pytest.approx([1.0, 3.0, 1.0])
