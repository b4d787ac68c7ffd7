"""dinov2_ensemble from images to a submission: training, its cache, its errors; full size."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import Dinov2Config, Dinov2Model

from tests.support.dinov2 import (
    PREPROCESSING,
    QUICK,
    SUBMISSION,
    code_of_submission,
    few_images,
    main,
    trained_copy,
)
from tests.support.hybrid_data import read_table, write_table
from tests.support.retrieval import load_model, model_module
from training.common.errors import DataError
from training.hybrid import dinov2_ensemble
from training.hybrid.dinov2.features import Extractor
from training.hybrid.dinov2.heads import log_odds_of
from training.hybrid.dinov2.images import read_generated
from wildlife_wings.dinov2_backbone import Backbone, read_backbone
from wildlife_wings.dinov2_heads import combined

pytestmark = pytest.mark.usefixtures("module_on_one_thread")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return few_images(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_copy(data, tmp_path_factory.mktemp("trained"))


def test_the_trained_copy_predicts_what_training_computed(trained: Path, data: Path) -> None:
    model = load_model(trained)
    paths = sorted((data / "images").glob("*.jpg"))[:4]
    images = [Image.open(path) for path in paths]
    batch = model.predict_batch([model.preprocess(image) for image in images])
    assert batch == [model.predict(Image.open(path)) for path in paths]
    assert all(type(value) is float for value in batch)
    assert len(set(batch)) == 4
    extractor = Extractor.open(
        trained / "weights" / "backbone", PREPROCESSING, trained.parent / "work"
    )
    with np.load(trained / "weights" / "heads.npz") as arrays:
        mlp, linear = model_module(trained).read_heads(arrays, 192, (64, 64, 32))
    odds = log_odds_of(mlp.float(), linear, extractor.features(tuple(paths)))
    expected = [combined("max", mlp_odds, sgd_odds) for mlp_odds, sgd_odds in odds.tolist()]
    assert batch == pytest.approx(expected, abs=1e-3)


def test_a_second_run_computes_no_feature_and_writes_the_same(
    trained: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(self: Backbone, pixels: np.ndarray) -> np.ndarray:
        raise AssertionError("a feature was computed again")

    before = {p: p.read_bytes() for p in sorted(trained.rglob("*")) if p.is_file()}
    monkeypatch.setattr(Backbone, "of_pixels", none)
    assert main(data, trained.parent, *QUICK) == 0
    after = {p: p.read_bytes() for p in before}
    assert before == after


def test_the_manifest_names_every_weight(trained: Path) -> None:
    manifest = json.loads((trained / "weights.json").read_text(encoding="utf-8"))
    named = {entry["path"]: entry["bytes"] for entry in manifest["files"]}
    found = {
        str(path.relative_to(trained)): path.stat().st_size
        for path in (trained / "weights").rglob("*")
        if path.is_file()
    }
    assert named == found
    assert sum(found.values()) <= 5_000_000


def generated_folder(folder: Path, data: Path) -> Path:
    folder.mkdir()
    rows = ["filename,label,hybrid_stat,structure,appearance"]
    for k, path in enumerate(sorted((data / "images").glob("*.jpg"))[:4]):
        name = f"AF_8_9_gen{k:05d}.png"
        Image.open(path).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / name)
        rows.append(f"{name},8_9,{'hybrid' if k % 2 else 'non-hybrid'},a,b")
    (folder / "generated.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def test_generated_images_join_the_training(
    trained: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = generated_folder(tmp_path / "generated", data)
    assert read_generated(folder).hybrid.tolist() == [False, True, False, True]
    backbone = str(trained / "weights" / "backbone")
    more = ["--backbone", backbone, "--mlp-steps", "2", "--synthetic", "0"]
    assert main(data, tmp_path, *more) == 0
    assert "30 images, 6 of hybrids" in capsys.readouterr().out
    assert main(data, tmp_path, *more, "--generated", str(folder)) == 0
    assert "34 images, 8 of hybrids" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "is missing: expected a folder that"),
        ("filename,label\na.png,8_9\n", r"columns \['hybrid_stat'\] are missing"),
        ("filename,hybrid_stat\n", "no rows"),
        (
            "filename,hybrid_stat\ngone.png,hybrid\n,perhaps\n",
            r"3 problem\(s\)(.|\n)*'gone.png' is not in(.|\n)*line 3: hybrid_stat is 'perhaps'",
        ),
    ],
)
def test_a_damaged_generated_table_is_said(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "generated.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_generated(tmp_path)


def copy_of(data: Path, tmp_path: Path) -> tuple[Path, list[dict[str, str]]]:
    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    return copy, read_table(copy)


def test_bad_rows_are_all_named(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy, rows = copy_of(data, tmp_path)
    lonely = dict(rows[0], subspecies="77.0", filename="lonely.jpg", hybrid_stat="non-hybrid")
    shutil.copy(copy / "images" / rows[0]["filename"], copy / "images" / "lonely.jpg")
    write_table(copy, [*rows, dict(rows[0], filename="gone.jpg"), lonely])
    assert main(copy, tmp_path, *QUICK) == 1
    said = capsys.readouterr().err
    assert "'gone.jpg' is not in" in said
    assert "'77.0' has 1 image" in said
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("ready", [True, False])
def test_unreadable_images_are_all_named(
    data: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], ready: bool
) -> None:
    copy, rows = copy_of(data, tmp_path)
    broken = [row["filename"] for row in rows[::6]]
    for name in broken:
        (copy / "images" / name).write_bytes(b"no image " + name.encode())
    backbone = ["--backbone", str(trained / "weights" / "backbone"), "--synthetic", "0"]
    assert main(copy, tmp_path, *(backbone if ready else QUICK)) == 1
    said = capsys.readouterr().err
    assert all(name in said for name in broken)
    assert "5 of 30 images cannot be used" in said


@pytest.mark.parametrize("options", [["--steps", "0"], ["--preset", "full", "--steps", "9"]])
def test_wrong_usage_is_status_2(options: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        dinov2_ensemble.main(options)
    assert ended.value.code == 2


def test_missing_weights_name_the_file_and_the_command(trained: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    (copy / "weights" / "heads.npz").unlink()
    with pytest.raises(FileNotFoundError, match=r"heads\.npz: made by .*hybrid\.dinov2_ensemble"):
        load_model(copy)
    (copy / "weights" / "backbone" / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors: made by python"):
        load_model(copy)


def test_weights_of_another_architecture_are_refused(trained: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    config = json.loads((copy / "config.json").read_text(encoding="utf-8"))
    (copy / "config.json").write_text(json.dumps(config | {"mlp_widths": [64, 64]}))
    with pytest.raises(ValueError, match=r"heads' weights do not fit config\.json"):
        load_model(copy)
    backbone = copy / "weights" / "backbone"
    other = json.loads((backbone / "config.json").read_text(encoding="utf-8"))
    (backbone / "config.json").write_text(json.dumps(other | {"num_hidden_layers": 5}))
    with pytest.raises(ValueError, match="of another architecture"):
        read_backbone(backbone, PREPROCESSING)
    (backbone / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ValueError, match="cannot be read as a Dinov2Model"):
        read_backbone(backbone, PREPROCESSING)


def test_predicting_before_loading_is_said() -> None:
    with pytest.raises(RuntimeError, match=r"load\(\) has to be called"):
        model_module(SUBMISSION).Model().predict_batch([np.zeros((48, 48, 3), np.uint8)])


@pytest.mark.slow
def test_full_size_trains_and_predicts_from_a_local_folder(data: Path, tmp_path: Path) -> None:
    """DINOv2-base from config with random weights, in the public format; no network is used."""
    torch.manual_seed(0)
    base = Dinov2Config(image_size=518, patch_size=14)
    assert (base.hidden_size, base.num_hidden_layers, base.num_attention_heads) == (768, 12, 12)
    Dinov2Model(base).save_pretrained(tmp_path / "base")
    code_of_submission(tmp_path / "copy")
    more = ["--preset", "full", "--backbone", str(tmp_path / "base"), "--mlp-steps", "2"]
    assert main(data, tmp_path, *more) == 0
    config = json.loads((tmp_path / "copy" / "config.json").read_text(encoding="utf-8"))
    assert config["mlp_widths"] == [1024, 1024, 512]
    model = load_model(tmp_path / "copy")
    paths = sorted((data / "images").glob("*.jpg"))[:2]
    scores = model.predict_batch([model.preprocess(Image.open(path)) for path in paths])
    assert scores == [model.predict(Image.open(path)) for path in paths]
    assert np.isfinite(scores).all()
    assert scores[0] != scores[1]
