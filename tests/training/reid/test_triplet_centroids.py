"""triplet_centroids: training, resuming, searching and serving, in small."""

from __future__ import annotations

import csv
import json
import shutil
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from tests.support.retrieval import load_model, predict_offline, without_weights, write_metadata
from training.common.console import say_epoch
from training.common.errors import DataError, TrainingError
from training.reid import triplet_centroids as script
from training.reid.database import read_database
from training.reid.embedding import search as triplet_search
from training.reid.embedding.batches import Variation, augmentation, classes, draw
from training.reid.embedding.recipe import BatchHardTriplets, Recipe, train_embedding
from training.reid.embedding.trainer import Report
from training.reid.embedding.triplet import PRESETS, build, embed_squares
from training.reid.images import read_squares
from training.reid.landmarks.files import WHOLE
from training.reid.thresholds.validation import validation_rows
from wildlife_reid.triplet import TripletNetwork

pytestmark = pytest.mark.usefixtures("one_thread")

SIDE = 32
TINY = replace(
    PRESETS["small-extended"],
    image_size=SIDE,
    epochs=3,
    steps=3,
    classes_per_batch=6,
    samples_per_class=3,
    learning_rate=3e-3,
)


def spotted(seed: int, variation: int) -> Image.Image:
    """An individual: three coloured spots at places of its own."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (48, 36), tuple(int(c) for c in rng.integers(60, 200, 3)))
    pen = ImageDraw.Draw(image)
    shift = np.random.default_rng([seed, variation]).integers(-2, 3, 2)
    for _ in range(3):
        x, y = rng.integers(6, 36), rng.integers(6, 26)
        colour = tuple(int(c) for c in rng.integers(0, 256, 3))
        place = [int(x + shift[0]), int(y + shift[1])]
        pen.ellipse([*place, place[0] + 9, place[1] + 9], fill=colour)
    return image


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two datasets with 12 individuals each: 8 with four images, 4 with one."""
    named = [(number, "cat" if number < 12 else "newt") for number in range(24)]
    images = [
        (f"{name}_{number:02d}", name, spotted(number, copy))
        for number, name in named
        for copy in range(4 if number % 3 else 1)
    ]
    return write_metadata(tmp_path_factory.mktemp("reid") / "train", images)


@pytest.fixture(scope="module")
def made(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A submission folder trained on `data`."""
    out = without_weights("triplet_centroids", tmp_path_factory.mktemp("made"))
    arguments = ["--data", data, "--out", out, "--image-size", SIDE, "--epochs", 2, "--steps", 2]
    assert script.main([str(item) for item in arguments]) == 0
    return out


@pytest.fixture(scope="module")
def model(made: Path) -> Any:
    return load_model(made)


def test_the_published_values_are_those_of_the_presets() -> None:
    for name, backbone in (("base", "resnet50"), ("extended", "efficientnet_b1")):
        recipe = PRESETS[name]
        assert (recipe.backbone, recipe.pretrained) == (backbone, True)
        assert (recipe.width, recipe.margin, recipe.learning_rate) == (128, 0.3, 1e-4)
        assert recipe.variation.rotated


def test_batch_hard_by_hand() -> None:
    # On a circle: two individuals with two images each.
    angles = torch.tensor([0.0, 0.6, 1.0, 1.5])
    points = torch.stack([angles.cos(), angles.sin()], dim=1)
    distance = torch.cdist(points, points)
    labels = torch.tensor([0, 0, 1, 1])
    expected = []
    for row in range(4):
        like = [i for i in range(4) if labels[i] == labels[row] and i != row]
        unlike = [i for i in range(4) if labels[i] != labels[row]]
        hinge = distance[row, like].max() - distance[row, unlike].min() + 0.3
        expected.append(max(0.0, float(hinge)))
    positive = [value for value in expected if value > 0]
    found = float(BatchHardTriplets(0.3)(points, labels))
    assert found == pytest.approx(sum(positive) / len(positive), abs=1e-5)


def test_mirror_images_are_individuals_of_their_own() -> None:
    images = torch.arange(2 * 3 * 2 * 2, dtype=torch.uint8).view(2, 3, 2, 2)
    labels, count = classes(np.array(["b", "a"]), mirrored=True)
    assert (labels.tolist(), count) == ([1, 0, 3, 2], 4)
    both = draw(images, torch.tensor([0, 2]))
    assert torch.equal(both[1], both[0].flip(2))
    assert classes(np.array(["b", "a"]), mirrored=False)[1] == 2


def test_a_turn_by_90_degrees_is_exact_and_only_if_asked() -> None:
    still = Variation(turn=0, shift=0, zoom=(1, 1), jitter=0, grey=0, erased=0)
    assert "RandomRotation90" not in str(augmentation(still))
    assert "RandomRotation90" in str(augmentation(replace(still, rotated=True)))


def trained(
    recipe: Recipe,
    squares: torch.Tensor,
    identity: np.ndarray,
    checkpoint: Path | None = None,
    digest: str = "",
    report: Report | None = say_epoch,
) -> torch.nn.Module:
    network, _ = build(recipe)
    train_embedding(recipe, network, squares, identity, checkpoint, digest, report)
    return network


def test_the_loss_falls(data: Path) -> None:
    database = read_database(data)
    squares = read_squares(database.paths, SIDE)
    losses: list[float] = []
    calm = Variation(turn=5, shift=0.02, zoom=(1, 1.1), jitter=0.1, grey=0, erased=0)
    recipe = replace(TINY, epochs=8, steps=6, variation=calm)
    trained(recipe, squares, database.identity, report=lambda epoch, loss: losses.append(loss))
    assert losses[-1] < 0.8 * losses[0]


def test_a_killed_run_ends_with_the_same_network(data: Path, tmp_path: Path) -> None:
    database = read_database(data)
    squares = read_squares(database.paths, SIDE)

    class Killed(Exception):
        pass

    def kill(epoch: int, loss: float) -> None:
        if epoch == 2:
            raise Killed

    whole = trained(TINY, squares, database.identity)
    arguments = (squares, database.identity, tmp_path / "last.pt", "d")
    with pytest.raises(Killed):
        trained(TINY, *arguments, kill)
    resumed = trained(TINY, *arguments)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name
    with pytest.raises(TrainingError, match=r"margin: 0\.3 then, 0\.5 now"):
        trained(replace(TINY, margin=0.5), *arguments)


def test_a_loss_that_is_not_finite_stops_it(data: Path) -> None:
    database = read_database(data)
    squares = read_squares(database.paths, SIDE)
    with pytest.raises(TrainingError, match=r"epoch 1, step .*lower the learning rate"):
        trained(replace(TINY, learning_rate=1e30), squares, database.identity)


def test_one_individual_is_too_few() -> None:
    squares = torch.zeros(3, 3, SIDE, SIDE, dtype=torch.uint8)
    still = replace(TINY, variation=replace(TINY.variation, mirrored=False))
    with pytest.raises(TrainingError, match="at least 2 individuals"):
        trained(still, squares, np.array(["a"] * 3))


def test_an_embedding_that_is_not_finite_is_said() -> None:
    network, settings = build(TINY)
    with torch.no_grad():
        network.head.bias.fill_(float("nan"))
    squares = torch.zeros(2, 3, SIDE, SIDE, dtype=torch.uint8)
    with pytest.raises(DataError, match="2 images have an embedding that is not finite"):
        embed_squares(network, squares, settings)


def test_twin_files_are_trained_on_and_never_queries(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "train"
    shutil.copytree(data, copy)
    database = read_database(copy)
    row = int(np.flatnonzero(validation_rows(database))[0])
    other = (row + 1) % len(database)
    shutil.copy(database.paths[row], database.paths[other])
    validation = validation_rows(read_database(copy))
    assert not validation[[row, other]].any()


def test_batches_and_single_images_agree(model: Any, data: Path) -> None:
    images = [Image.open(path) for path in read_database(data).paths[:9]]
    rows = [{"dataset": "cat"}, None, {"dataset": "toad"}] * 3
    single = [model.predict(i, r) for i, r in zip(images, rows, strict=True)]
    batch = [model.preprocess(i, r) for i, r in zip(images, rows, strict=True)]
    assert model.predict_batch(batch) == single
    listed = model.explain_batch(batch)
    for answer, candidates in zip(single, listed, strict=True):
        assert answer in {"new_individual", candidates[0][0]}
        scores = [score for _, score in candidates]
        assert scores == sorted(scores, reverse=True)
    assert all(name.startswith("cat") for name, _ in listed[0])


def test_centroids_are_means_by_hand(made: Path, data: Path) -> None:
    from safetensors.torch import load_file

    from wildlife_reid.open_set import read_gallery

    config = json.loads((made / "config.json").read_text())
    gallery, arrays = read_gallery(made / config["gallery"])
    network = TripletNetwork(config["network"])
    network.load_state_dict(load_file(made / config["weights"]))
    database = read_database(data)
    assert gallery.identity.tolist() == sorted(set(database.identity.tolist()))
    for row in (0, 1, 13):
        own = [p for p, i in zip(database.paths, database.identity, strict=True)
               if i == gallery.identity[row]]  # fmt: skip
        found = embed_squares(network, read_squares(own, SIDE), config["network"])
        assert arrays["centroids"][row] == pytest.approx(found.mean(axis=0), abs=1e-6)
    assert (made / "weights.json").is_file()
    assert not (made / "last.pt").exists()


def test_a_missing_weight_is_named_with_the_command(made: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(made, copy, ignore=shutil.ignore_patterns("weights"))
    with pytest.raises(FileNotFoundError, match=r"network\.safetensors") as told:
        load_model(copy)
    assert "python -m training.reid.triplet_centroids" in str(told.value)


def test_bad_data_is_said_with_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main(["--data", str(tmp_path), "--out", str(tmp_path)]) == 1
    assert "metadata.csv" in capsys.readouterr().err


def test_an_unknown_backbone_is_said(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "--data",
        data,
        "--out",
        tmp_path,
        "--backbone",
        "no_such_net",
        "--image-size",
        SIDE,
    ]
    assert script.main([str(item) for item in arguments]) == 1
    assert "local-dir:" in capsys.readouterr().err


def test_a_search_goes_on_where_it_was(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    class Here:
        """The pool's place, in this process: the numbers are not trained for."""

        def __init__(self, *_: object, **__: object) -> None: ...
        def __enter__(self) -> Here:
            return self

        def __exit__(self, *_: object) -> None: ...

        def submit(self, *arguments: Any) -> Future[float | None]:
            point = arguments[3]
            asked.append(point)
            future: Future[float | None] = Future()
            future.set_result(None if point["learning_rate"] == 2e-3 else point["margin"])
            return future

    monkeypatch.setattr(triplet_search, "ProcessPoolExecutor", Here)
    triplet_search.search(data, tmp_path, TINY, jobs=1, trials=2)
    triplet_search.search(data, tmp_path, TINY, jobs=1, trials=2)
    assert len(asked) == 4
    assert len({str(point) for point in asked}) == 4
    with (tmp_path / "trials.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["state"] for row in rows] == ["complete"] * 3 + ["fail"]
    assert rows[0]["rank1"] == "0.3000"
    with Image.open(tmp_path / "trials.png") as plot:
        assert plot.size[0] > 500
    with pytest.raises(DataError, match="give another --out"):
        triplet_search.search(data, tmp_path, replace(TINY, image_size=48), jobs=1, trials=1)


def test_a_trial_is_judged_by_rank_1(data: Path) -> None:
    point = {"batch": "6x3", "margin": 0.3, "learning_rate": 1e-3}
    assert triplet_search.at_point(TINY, point).samples_per_class == 3
    recipe = replace(TINY, epochs=1, steps=1)
    prepared = triplet_search.prepare(data, recipe, WHOLE)
    rank1 = triplet_search.trial_rank1(prepared, recipe, point, 1)
    assert rank1 is not None
    assert 0 <= rank1 <= 1


@pytest.mark.slow
def test_a_search_in_processes(data: Path, tmp_path: Path) -> None:
    arguments = ["--data", data, "--out", tmp_path, "--search", "--jobs", 2, "--trials", 2]
    arguments += ["--image-size", SIDE, "--epochs", 1, "--steps", 1]
    for expected in (2, 4):
        assert script.main([str(item) for item in arguments]) == 0
        lines = (tmp_path / "search" / "trials.csv").read_text().splitlines()
        assert len(lines) == 1 + expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "architecture"), [("base", "resnet50"), ("extended", "efficientnet_b1")]
)
def test_full_size_offline(preset: str, architecture: str, data: Path, tmp_path: Path) -> None:
    """Random weights in timm's public format: two steps, then two images."""
    import timm
    from timm.models import save_for_hf

    public = tmp_path / "public"
    network = timm.create_model(architecture, pretrained=False)
    save_for_hf(network, str(public), safe_serialization=True)
    out = without_weights("triplet_centroids", tmp_path)
    arguments = ["--data", data, "--out", out, "--preset", preset, "--epochs", 1, "--steps", 2]
    arguments += [
        "--backbone",
        f"local-dir:{public}",
        "--classes-per-batch",
        4,
        "--samples-per-class",
        2,
    ]
    assert script.main([str(item) for item in arguments]) == 0
    config = json.loads((out / "config.json").read_text())
    assert config["network"]["architecture"] == architecture
    predict_offline(out, "cat", read_database(data).paths[:2])
