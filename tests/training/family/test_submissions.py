"""The scripts of both submissions, from images to answers, on a base of random weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from tests.support.base_networks import use_random_base
from tests.support.families import TAXONOMY, draw_collection, write_rows
from tests.support.retrieval import load_model, without_weights
from training.common import base_network
from training.common.errors import TrainingError
from training.family import features as family_features
from training.family import joint, train_families, two_lite_towers
from training.family.heads.tuning import last_layers
from training.family.recipe import PRESETS
from training.family.towers import TowerRecipe, published_tensors, start_tower
from wildlife_family.networks import FamilyNetwork

pytestmark = pytest.mark.usefixtures("one_thread", "bases")

EACH = 8
TINY = ["--image-size", "32", "--copies", "1", "--units", "16", "--epochs", "3"]


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Random weights in place of the packages' files, and a cache of features of its own."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("lite0", "lite2"):
            use_random_base(patch, tmp_path_factory.getbasetemp(), name)
        patch.setattr(family_features, "DEFAULT_FOLDER", tmp_path_factory.mktemp("features"))
        members = [
            joint.Member(TowerRecipe("lite0"), 32, (1.0, 0.75), True),
            joint.Member(TowerRecipe("lite2"), 32, (1.0,), True),
        ]
        patch.setattr(joint, "MEMBERS", members)
        patch.setattr(two_lite_towers, "MEMBERS", members)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("family") / "train"
    draw_collection(folder, EACH)
    return folder


@pytest.fixture(scope="module")
def published(data: Path, bases: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A submission folder that the published recipe made."""
    out = without_weights("efficientnet_families", tmp_path_factory.mktemp("made"))
    assert train_families.main(["--data", str(data), "--out", str(out), *TINY]) == 0
    return out


@pytest.fixture(scope="module")
def ours(data: Path, bases: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = without_weights("two_lite_towers", tmp_path_factory.mktemp("ours"))
    assert two_lite_towers.main(["--data", str(data), "--out", str(out)]) == 0
    return out


def answers(folder: Path, data: Path) -> list[list[tuple[str, float]]]:
    """The explained answers for some images, whose phylum is known."""
    model = load_model(folder)
    batch = []
    for family, phylum in TAXONOMY.items():
        with Image.open(data / "images" / f"{family}_0.jpg") as image:
            batch.append(model.preprocess(image, {"phylum": phylum}))
    named = model.predict_batch(batch)
    explained: list[list[tuple[str, float]]] = model.explain_batch(batch)
    assert named == [pairs[0][0] for pairs in explained]
    return explained


@pytest.mark.parametrize("made", ["published", "ours"])
def test_a_phylum_with_one_family_leaves_that_family(
    made: str, data: Path, request: pytest.FixtureRequest
) -> None:
    explained = answers(request.getfixturevalue(made), data)
    assert explained == [[(family, 1.0)] for family in TAXONOMY]


@pytest.mark.parametrize("made", ["published", "ours"])
def test_without_a_phylum_all_families_are_listed(
    made: str, data: Path, request: pytest.FixtureRequest
) -> None:
    model = load_model(request.getfixturevalue(made))
    with Image.open(data / "images" / "Apidae_0.jpg") as image:
        batch = [model.preprocess(image)]
    explained = model.explain_batch(batch)[0]
    assert {name for name, _ in explained} == set(TAXONOMY)
    assert sum(value for _, value in explained) == pytest.approx(1)


@pytest.mark.parametrize("made", ["published", "ours"])
def test_config_and_manifest(made: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(made)
    config = json.loads((folder / "config.json").read_text())
    assert config["taxonomy"] == TAXONOMY
    assert {"accuracy", "masked_accuracy", "f1_macro", "calibration_error"} <= set(
        config["validation"]
    )
    files = json.loads((folder / "weights.json").read_text())["files"]
    assert "python -m training.family" in files[0]["source"]
    assert all("package" in one for one in files[1:])
    assert files[0]["bytes"] == (folder / config["weights"]).stat().st_size
    assert not list(folder.glob("*.pt"))


def test_a_head_of_other_families_is_refused(published: Path, tmp_path: Path) -> None:
    config = json.loads((published / "config.json").read_text())
    del config["taxonomy"]["Apidae"]
    kept = (published / "config.json").read_text()
    (published / "config.json").write_text(json.dumps(config))
    try:
        with pytest.raises(ValueError, match=r"do not fit: .*expected shape \(2, 16\)"):
            load_model(published)
    finally:
        (published / "config.json").write_text(kept)


def test_shipped_artifacts_are_not_overwritten_unasked(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "weights.json").write_text("{}")
    for script in (train_families, two_lite_towers):
        parsed = ["--data", str(data)]
        monkeypatch.setattr("training.common.script.SUBMISSIONS", tmp_path.parent)
        monkeypatch.setattr(script, "NAME", tmp_path.name)
        assert script.main(parsed) == 1
        assert "--overwrite" in capsys.readouterr().err


def test_all_that_is_wrong_with_the_data_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = draw_collection(tmp_path / "train", 2)
    write_rows(tmp_path / "train", [*rows[:3], ["gone.jpg", "Apidae", "Chordata"]])
    for script in (train_families, two_lite_towers):
        command = ["--data", str(tmp_path / "train"), "--out", str(tmp_path / "out")]
        assert script.main(command) == 1
        said = capsys.readouterr().err
        assert "gone.jpg" in said
        assert "one image" in said
    assert not (tmp_path / "out" / "weights.json").exists()


def test_too_few_images_for_a_tenth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # A single fold of ten can still have an image; two families of two leave it one.
    draw_collection(tmp_path / "train", 2)
    command = ["--data", str(tmp_path / "train"), "--out", str(tmp_path / "out"), *TINY]
    assert train_families.main(command) == 0
    assert "5 to train on, 1 for validation" in capsys.readouterr().out


def test_only_the_last_layers_are_tuned_and_no_batch_norm(data: Path, tmp_path: Path) -> None:
    out = without_weights("efficientnet_families", tmp_path)
    rate = ["--tuning-rate", "0.01", "--tuned-layers", "2"]
    assert train_families.main(["--data", str(data), "--out", str(out), *TINY, *rate]) == 0
    changed = load_file(out / "weights" / "tuned.safetensors")
    in_tower = {name for name in changed if name.startswith("tower.")}
    assert in_tower <= {
        "tower.backbone.conv_head.weight",
        "tower.backbone.blocks.6.0.conv_pwl.weight",
    }


def test_the_last_layers_do_not_count_batch_norms() -> None:
    tower, _ = start_tower(TowerRecipe("lite0"))
    names = {id(module): name for name, module in tower.named_modules()}
    found = [names[id(layer)] for layer in last_layers(tower, 3)]
    assert found == ["backbone.blocks.6.0.conv_dw", "backbone.blocks.6.0.conv_pwl",
                     "backbone.conv_head"]  # fmt: skip
    with pytest.raises(TrainingError, match="--tuned-layers 999: the tower has"):
        last_layers(tower, 999)


def test_a_backbone_from_a_local_folder(data: Path, tmp_path: Path) -> None:
    """The preset full on random weights in timm's public format, of a tiny network."""
    run_full(data, tmp_path, "test_efficientnet", ["--image-size", "32"])


@pytest.mark.slow
def test_full_size_offline(data: Path, tmp_path: Path) -> None:
    """EfficientNet-B4 at 380 pixels, as published, one epoch."""
    folder = run_full(data, tmp_path, "efficientnet_b4", ["--units", "600"])
    assert load_file(folder / "weights/tuned.safetensors")["head.hidden.0.weight"].shape == (
        600,
        1792,
    )


def run_full(data: Path, work: Path, architecture: str, more: list[str]) -> Path:
    """Train the preset full from a folder with a network of random weights, and serve it."""
    import timm
    from timm.models import save_for_hf

    network: Any = timm.create_model(architecture, pretrained=False, num_classes=0)
    save_for_hf(network, str(work / "public"), safe_serialization=True)
    out = without_weights("efficientnet_families", work)
    command = ["--data", data, "--out", out, "--preset", "full", *TINY, "--epochs", 1]
    command += ["--copies", 0, "--tuning-epochs", 1, *more]
    command += ["--backbone", f"local-dir:{work / 'public'}"]
    assert train_families.main([str(item) for item in command]) == 0
    assert json.loads((out / "config.json").read_text())["network"]["architecture"] == architecture
    assert [pairs[0][0] for pairs in answers(out, data)] == list(TAXONOMY)
    return out


@pytest.mark.parametrize(
    ("given", "said"),
    [(["--backbone", "resnet50"], "for --preset full"), (["--log"], "--log is for --search")],
)
def test_options_that_do_not_go_together(
    given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        train_families.parse(given)
    assert said in capsys.readouterr().err


def test_no_package_ships_the_tower_of_full() -> None:
    assert PRESETS["full"].tower.base == ""
    settings: dict[str, Any] = {
        "architecture": "test_efficientnet",
        "head": {"hidden": [4], "dropout": 0.4},
    }
    settings |= {"mean": [0.5] * 3, "std": [0.5] * 3}
    assert published_tensors(FamilyNetwork(settings, 3), settings) == {}


def test_bases_are_put_into_the_submissions_that_name_them(tmp_path: Path) -> None:
    path = base_network.LITE["lite0"].path
    entry = {"path": path, "package": {}}
    for name, files in (("with", [entry]), ("without", [])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights.json").write_text(json.dumps({"files": files}))
    written = base_network.put_into_submissions("lite0", tmp_path)
    assert written == [tmp_path / "with" / path]
    assert torch.load(written[0], weights_only=True)
    assert base_network.put_into_submissions("lite0", tmp_path) == []


def test_a_damaged_head_is_named(ours: Path) -> None:
    path = ours / "weights" / "head.safetensors"
    kept = path.read_bytes()
    broken = load_file(path)
    broken["classifier.bias"][0] = float("nan")
    save_file(broken, path)
    try:
        with pytest.raises(ValueError, match=r"classifier\.bias: a value is not finite"):
            load_model(ours)
    finally:
        path.write_bytes(kept)
