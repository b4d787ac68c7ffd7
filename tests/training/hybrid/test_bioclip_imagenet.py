"""bioclip_wings with `--preset imagenet`: from images to a folder that serves."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tests.support.base_networks import use_random_base
from tests.support.retrieval import load_model
from training.common.base_network import LITE
from training.hybrid import bioclip_wings
from training.hybrid.bioclip.recipe import PRESETS
from training.hybrid.bioclip.statistics import fit_statistics
from training.hybrid.comparisons import bioclip_scores, bioclip_tuning
from wildlife_wings.clip_scores import relative_mahalanobis

pytestmark = pytest.mark.usefixtures("module_on_one_thread")
UNET = ["--width", "2", "--image-size", "32", "--epochs", "4", "--learning-rate", "0.02"]


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that training wrote, with a frozen base of random weights."""
    return train(data, tmp_path_factory.mktemp("trained"), "--epochs", "2", "--blocks", "0")


@pytest.fixture(scope="module")
def tuned(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that training wrote after it tuned the last two stages of a random base."""
    return train(data, tmp_path_factory.mktemp("tuned"), "--epochs", "1", "--blocks", "2")


def train(data: Path, folder: Path, *options: str) -> Path:
    place = ["--data", str(data), "--out", str(folder / "out"), "--work", str(folder / "work")]
    (folder / "bases").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        use_random_base(patch, folder / "bases")
        patch.setitem(bioclip_wings.UNET, "imagenet", UNET)
        patch.setattr(bioclip_wings, "SPREAD_CROSSES", 40)
        assert bioclip_wings.main([*place, "--preset", "imagenet", *options]) == 0
    return folder / "out"


def test_the_folder_holds_the_base_and_small_files_of_its_own(trained: Path) -> None:
    manifest = json.loads((trained / "weights.json").read_text(encoding="utf-8"))
    sizes = {entry["path"]: entry["bytes"] for entry in manifest["files"]}
    names = [f"weights/{name}.safetensors" for name in ("head", "statistics", "wing_unet")]
    assert sorted(sizes) == sorted([LITE["lite0"].path, *names])
    assert all((trained / path).stat().st_size == size for path, size in sizes.items())
    assert sum(sizes[name] for name in names) < 5_000_000
    assert manifest["files"][0]["source"].startswith(
        "python -m training.hybrid.bioclip_wings --preset imagenet"
    )


def test_the_folder_serves(trained: Path, data: Path) -> None:
    model = load_model(trained)
    paths = sorted((data / "images").glob("*.jpg"))[:3]
    batch = model.predict_batch([model.preprocess(Image.open(path)) for path in paths])
    assert batch == pytest.approx([model.predict(Image.open(path)) for path in paths], abs=1e-3)
    assert all(type(value) is float for value in batch)
    assert len(set(batch)) == 3


def test_only_what_training_changed_of_the_base_is_stored(tuned: Path) -> None:
    config = json.loads((tuned / "config.json").read_text(encoding="utf-8"))
    assert config["tower"]["tuned"] == "weights/tuned.safetensors"
    stored = load_file(tuned / "weights/tuned.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16}
    # The last two of the five stages that the features need, with their batch norms.
    assert {name.split(".")[2] for name in stored} == {"3", "4"}
    assert any(name.endswith("running_mean") for name in stored)
    listed = json.loads((tuned / "weights.json").read_text(encoding="utf-8"))["files"]
    assert "weights/tuned.safetensors" in {entry["path"] for entry in listed}


def test_the_tuned_tower_serves(tuned: Path, data: Path) -> None:
    model = load_model(tuned)
    path = min((data / "images").glob("*.jpg"))
    answer = model.predict(Image.open(path))
    config_path = tuned / "config.json"
    config = json.loads(config_path.read_text(encoding="utf-8"))
    del config["tower"]["tuned"]
    config_path.write_text(json.dumps(config), encoding="utf-8")
    assert load_model(tuned).predict(Image.open(path)) != answer


def test_the_table_of_tuned_stages_has_the_served_score(
    trained: Path,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use_random_base(monkeypatch, tmp_path)
    for preset in ("imagenet", "small"):
        monkeypatch.setitem(PRESETS, preset, replace(PRESETS[preset], epochs=1))
    monkeypatch.setattr(bioclip_wings, "SPREAD_CROSSES", 40)
    monkeypatch.setattr(bioclip_scores, "CROSSES", 20)
    given = ["--data", str(data), "--submission", str(trained), "--tuned", "1"]
    assert bioclip_tuning.main([*given, "--folds", "1", "--from-scratch"]) == 0
    lines = capsys.readouterr().out.splitlines()
    titles = {line.split(" | ")[0] for line in lines if line.startswith("| ")}
    served = bioclip_wings.SCORE["imagenet"]
    assert f"| 1, {served}" in titles


def test_a_missing_base_is_said(trained: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    (copy / LITE["lite0"].path).unlink()
    with pytest.raises(FileNotFoundError, match="efficientnet-lite0"):
        load_model(copy)


def test_its_tower_is_of_no_other_preset() -> None:
    for options in (["--preset", "imagenet", "--backbone", "small"], ["--backbone", "imagenet"]):
        with pytest.raises(SystemExit) as ended:
            bioclip_wings.main(options)
        assert ended.value.code == 2


def test_distances_among_components_do_not_hang_on_units() -> None:
    """Standardised features: one that is measured in other units changes no distance."""
    rng = np.random.default_rng(4)
    subspecies = np.repeat(np.array(["a", "b", "c"]), 20)
    features = rng.normal(0, 1, (60, 8)) + np.repeat(rng.normal(0, 2, (3, 8)), 20, axis=0)
    units = np.array([1, 30, 0.2, 1, 1, 5, 1, 1])
    view = np.full(60, "")
    one = fit_statistics(features, subspecies, view, components=5)
    other = fit_statistics(features * units, subspecies, view, components=5)
    assert one.whiten.shape == (8, 5)
    for row in features[:5]:
        expected = relative_mahalanobis(row, one)
        assert relative_mahalanobis(row * units, other) == pytest.approx(expected, rel=1e-6)
