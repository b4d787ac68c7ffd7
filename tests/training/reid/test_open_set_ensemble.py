"""The ensemble: evidence for individuals, its weights, and the built submission."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load, save_file

from tests.support.retrieval import draw_database, draw_descriptor, spotted
from training.common.errors import DataError
from training.reid.database import Database
from training.reid.embedding import descriptors as descriptor_files
from training.reid.open_set_ensemble import __main__ as script
from training.reid.open_set_ensemble.evidence import Tables, Weights
from training.reid.open_set_ensemble.networks import COMPONENTS, main_components
from training.reid.open_set_ensemble.weights import (
    Examples,
    examples,
    fit,
    fit_weights,
    nearest_of,
)
from training.reid.thresholds.validation import FOLDS, individual_folds
from wildlife_reid.alignment import LandmarkNetwork
from wildlife_reid.evidence import (
    BACKGROUND,
    EVIDENCE,
    above_background,
    differs,
    evidence,
    key_point_maxima,
    shortlisted,
)
from wildlife_reid.joint_embedding import Components, joined
from wildlife_reid.local.features import LocalSettings, local_features
from wildlife_reid.local.gallery import Projection, pack
from wildlife_reid.triplet import TripletNetwork

pytestmark = pytest.mark.usefixtures("one_thread")


def test_above_background_by_hand() -> None:
    # One key point; individuals 0..6 with one image each, 7 with two.
    maxima = np.array([[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9, 0.8]], np.float32)
    code = np.array([0, 1, 2, 3, 4, 5, 6, 7, 7])
    images, individuals = above_background(maxima, code)
    # The sixth best of the eight individuals (0.9, 0.7, 0.6, 0.5, 0.4, 0.3) has 0.3.
    assert BACKGROUND == 6
    expected = [0, 0, 0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.5]
    assert images == pytest.approx(expected, abs=1e-6)
    assert individuals == pytest.approx([0, 0, 0, 0.1, 0.2, 0.3, 0.4, 0.6], abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_above_background_by_its_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    maxima = rng.random((7, 40)).astype(np.float32)
    code = np.sort(rng.permutation(np.arange(40) % 12))
    images, individuals = above_background(maxima, code)
    for image in range(40):
        total = 0.0
        for point in maxima:
            best = sorted((max(point[code == i]) for i in range(12)), reverse=True)
            total += max(point[image] - best[BACKGROUND - 1], 0.0)
        assert images[image] == pytest.approx(total / np.sqrt(7), abs=1e-5)
    assert np.all(individuals >= [images[code == i].max() - 1e-6 for i in range(12)])


def test_no_key_points_and_no_gallery_are_no_evidence() -> None:
    images, individuals = above_background(np.zeros((0, 3), np.float32), np.array([0, 0, 1]))
    assert images.tolist() == [0, 0, 0]
    assert individuals.tolist() == [0, 0]
    nothing = above_background(np.zeros((4, 0), np.float32), np.zeros(0, np.intp))
    assert [len(part) for part in nothing] == [0, 0]


def test_evidence_takes_the_best_image_of_an_individual() -> None:
    table = evidence(
        np.array([4.0, np.nan, 9.0, np.nan]),
        np.array([0.5, 0.7]),
        np.array([0.1, 0.3, -0.2, 0.0]),
        np.array([True, False, True, True]),
        np.array([0, 0, 1, 1]),
    )
    assert table.shape == (2, len(EVIDENCE))
    assert table[0] == pytest.approx([2.0, -1.0, 0.5, 0.3, 0.3, 0.0, np.log(2)])
    assert table[1] == pytest.approx([3.0, 1.0, 0.7, 0.0, -0.3, 1.0, np.log(2)])


def test_the_lead_is_over_the_best_other_individual() -> None:
    verified = np.array([4.0, 9.0, 9.0, 1.0])

    def leads(values: np.ndarray) -> list[float]:
        count, code = len(values), np.arange(len(values))
        nothing = np.zeros(count)
        table = evidence(values, nothing, nothing, nothing > 0, code)
        return [float(lead) for lead in table[:, 1]]

    assert leads(verified) == [-1, 0, 0, -2]
    assert leads(verified[[0, 1, 3]]) == [-1, 1, -2]
    assert leads(verified[:1]) == [2]


def test_half_of_the_shortlist_is_by_key_points_and_half_by_cosine() -> None:
    neighbours, cosine = np.array([5.0, 1, 4, 0, 2]), np.array([0.1, 0.9, 0.3, 0.5, 0.2])
    assert shortlisted(neighbours, cosine, 2).tolist() == [0, 1]
    assert shortlisted(neighbours, cosine, 4).tolist() == [0, 1, 2, 3]
    assert shortlisted(neighbours, neighbours, 4).tolist() == [0, 2]  # both name the same
    assert shortlisted(neighbours, cosine, 100).tolist() == [0, 1, 2, 3, 4]


def test_sides_differ_only_where_both_are_known() -> None:
    sides = np.array(["left", "right", ""])
    assert differs("left", sides).tolist() == [False, True, False]
    assert differs("", sides).tolist() == [False, False, False]


def test_key_point_maxima_are_those_of_each_image() -> None:
    settings = LocalSettings(image_size=200, count=30)
    blank = local_features(Image.new("RGB", (40, 40)), settings)
    features = [local_features(spotted(n), settings) for n in (1, 2)] + [blank]
    projection = Projection(np.zeros(128, np.float32), np.eye(128, dtype=np.float32))
    gallery = pack(features, projection, 30)
    found = key_point_maxima(features[0], gallery, np.arange(3))
    assert found.shape == (len(features[0]), 3)
    assert found[:, 0] == pytest.approx(1.0, abs=0.02)
    assert found[:, 2].tolist() == [0.0] * len(features[0])
    assert key_point_maxima(blank, gallery, np.arange(3)).shape == (0, 3)


def test_weights_of_unused_evidence_are_zero_and_the_score_is_in_its_units() -> None:
    rng = np.random.default_rng(0)
    table = rng.normal(3, 2, (400, len(EVIDENCE)))
    right = table[:, 0] + 0.2 * rng.normal(size=400) > 3
    weights = fit_weights(table, right, ("verified", "images"))
    assert weights.weights[1:-1].tolist() == [0] * (len(EVIDENCE) - 2)
    assert weights.weights[0] > 1
    assert np.mean((weights.score(table) > 0) == right) > 0.95


def test_a_querys_score_never_comes_from_weights_that_saw_its_individual() -> None:
    identity = np.array([f"i{number // 3}" for number in range(60)])
    folds = individual_folds(identity)
    assert np.all(folds.reshape(20, 3) == folds[::3, None])
    assert sorted(set(folds.tolist())) == list(range(FOLDS))
    rng = np.random.default_rng(0)
    rows = np.arange(60)
    table = rng.random((60, 60))
    maxima = [rng.random((4, 60)).astype(np.float32) for _ in rows]
    tables = Tables(rows, identity, table, table, maxima, np.zeros((60, 60), np.bool_))
    made = examples(tables, identity, np.ones(60, np.bool_), 10, (0, 1))
    for fold in range(FOLDS):
        kept = made.without(fold)
        assert len(kept.table) == np.sum(made.fold != fold)
        assert not np.any(kept.fold == fold)
    # Weights that give each fold its own intercept show whose weights a query got.
    zero = np.zeros(len(EVIDENCE))
    weights = [{"d": Weights(zero, float(fold))} for fold in range(FOLDS)]
    dataset = np.full(60, "d")
    blank = np.full(60, "")
    paths = tuple(Path(f"{row}.jpg") for row in rows)
    database = Database(paths, blank, identity, dataset, blank, blank)
    nearest = nearest_of({"d": tables}, weights, database, 10)
    _, score = nearest(rows[1::3], rows[::3])
    assert score.tolist() == folds[::3].tolist()


def networks(work: Path) -> list[str]:
    """Options that name two drawn networks."""
    triplet = draw_descriptor(work / "triplet", TripletNetwork)
    swin = draw_descriptor(work / "swin")
    return ["--triplet", str(triplet), "--swin", str(swin)]


def test_a_network_of_another_kind_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """That of megadescriptor_cosine in place of triplet_centroids'."""
    data = draw_database(tmp_path / "data", individuals=2, images=2)
    _, _, _, swin = networks(tmp_path)
    command = ["--data", str(data), "--out", str(tmp_path / "out")]
    assert script.main([*command, "--triplet", swin, "--swin", swin]) == 1
    assert "swin: its network is not the one that is expected" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_too_few_known_individuals_are_said() -> None:
    nothing = np.zeros(3, np.bool_)
    made = {"fish": Examples(np.zeros((3, len(EVIDENCE))), nothing, np.arange(3))}
    with pytest.raises(DataError, match="add images of known individuals"):
        fit(made, ("verified",))


def test_two_networks_with_other_landmarks_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = draw_database(tmp_path / "data", individuals=2, images=2)
    given = networks(tmp_path)
    for seed, folder in enumerate(map(Path, given[1::2])):
        torch.manual_seed(seed)
        save_file(LandmarkNetwork().state_dict(), folder / "landmarks.safetensors")
        config = json.loads((folder / "config.json").read_text())
        config["network"]["landmarks"] = "landmarks.safetensors"
        (folder / "config.json").write_text(json.dumps(config))
        manifest = json.loads((folder / "weights.json").read_text())
        manifest["files"].append({**manifest["files"][0], "path": "landmarks.safetensors"})
        (folder / "weights.json").write_text(json.dumps(manifest))
    assert script.main(["--data", str(data), "--out", str(tmp_path / "out"), *given]) == 1
    assert "swin find landmarks by different networks" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_joint_cosine_is_the_mean_of_both() -> None:
    rng = np.random.default_rng(3)
    triplet, swin = (rng.normal(size=(5, d)) for d in (4, 9))
    triplet /= np.linalg.norm(triplet, axis=1, keepdims=True)
    components = Components(rng.normal(size=9), rng.normal(size=(9, 3)))
    both, shown = joined(triplet, swin, components), components(swin)
    assert np.linalg.norm(shown, axis=1) == pytest.approx(1)
    assert both @ both.T == pytest.approx((triplet @ triplet.T + shown @ shown.T) / 2)
    swin[0, 0] = np.nan  # a network that gives no number there
    assert np.isfinite(joined(triplet, swin, components)).all()


def test_components_keep_what_differs_and_few_images_all_of_it() -> None:
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(400, 2)) @ rng.normal(size=(2, 200)) + 5
    found = main_components(vectors)
    assert found.axes.shape == (200, COMPONENTS)
    centred = vectors - vectors.mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    shown = found(vectors)
    assert shown @ shown.T == pytest.approx(unit @ unit.T, abs=0.02)  # kept in half precision
    few = main_components(vectors[:3])
    assert few(vectors[:3]) == pytest.approx(
        vectors[:3] / np.linalg.norm(vectors[:3], axis=1, keepdims=True)
    )


def test_weights_that_half_precision_cannot_hold_stay(tmp_path: Path) -> None:
    state = {"a": torch.tensor([0.1, 1e-3]), "b": torch.tensor([1e9]), "n": torch.tensor([3])}
    save_file(state, tmp_path / "w.safetensors")
    found = load(descriptor_files.copied_weights(tmp_path / "w.safetensors", half=True))
    assert {name: str(t.dtype) for name, t in found.items()} == {
        "a": "torch.float16", "b": "torch.float32", "n": "torch.int64"
    }  # fmt: skip
    assert found["b"].item() == 1e9
