"""dinov2_ensemble: score, published layers, preprocessing, training, its cache and its errors."""

from __future__ import annotations

import csv
import importlib.util
import json
import shutil
import sys
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

ROOT = Path(__file__).parents[1]
SUBMISSION = ROOT / "submissions" / "dinov2_ensemble"
TRAIN = ROOT / "sample_data" / "hybrid" / "train"
sys.path[:0] = [str(ROOT / "training"), str(SUBMISSION)]

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of packages that transformers imports
    import dinov2_backbone
    import dinov2_ensemble
    from transformers import Dinov2Config, Dinov2Model

from dinov2_backbone import BackboneRecipe, Trainer, TrainingError, train_backbone  # noqa: E402
from dinov2_crosses import Mixing, Wings, make_batch, mixed, patch_shares, shifted  # noqa: E402
from dinov2_features import Extractor  # noqa: E402
from dinov2_heads import as_arrays, fit_calibrated, fit_mlp, log_odds_of  # noqa: E402
from dinov2_pictures import read_generated  # noqa: E402
from ensemble_backbone import Backbone, read_backbone  # noqa: E402
from ensemble_heads import HybridMLP, combined  # noqa: E402
from ensemble_pixels import normalised, square_pixels  # noqa: E402
from hybrid_data import DataError  # noqa: E402
from synthetic_crosses import Groups  # noqa: E402

PREPROCESSING = dinov2_ensemble.PRESETS["small"].preprocessing
TINY = BackboneRecipe(hidden=16, layers=1, attention_heads=2, steps=12, batch=24)
QUICK = ["--steps", "2", "--mlp-steps", "3", "--synthetic", "60"]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def some_wings(side: int = 48, each: int = 6) -> Wings:
    """Three made-up subspecies: one colour each, with a little noise; and two of their hybrids."""
    rng = np.random.default_rng(0)
    colours = np.array([[0.9, 0.2, 0.1], [0.1, 0.2, 0.9], [0.2, 0.8, 0.2]])
    pure = np.repeat(colours, each, axis=0)[:, :, None, None]
    pictures = np.clip(pure + rng.normal(0, 0.05, (3 * each, 3, side, side)), 0, 1)
    groups = Groups.of(np.repeat(np.array(["a", "b", "c"]), each), np.full(3 * each, ""))
    tensor = torch.from_numpy(pictures).float()
    return Wings(tensor, groups, (tensor[:2] + tensor[each : each + 2]) / 2, groups.pairs())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six pictures each of four subspecies and six hybrids of the sample."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "images").mkdir()
    with (TRAIN / "train.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    counts: dict[str, int] = {}
    chosen = []
    for row in rows:
        counts[row["subspecies"]] = counts.get(row["subspecies"], 0) + 1
        if row["subspecies"] in ("", "8.0", "9.0", "2.0", "7.0") and counts[row["subspecies"]] < 7:
            chosen.append(row)
            shutil.copy(TRAIN / "images" / row["filename"], folder / "images")
    write_table(folder, chosen)
    return folder


def write_table(folder: Path, rows: list[dict[str, str]]) -> None:
    with (folder / "train.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the submission, trained for two steps; its work folder is beside it."""
    folder = tmp_path_factory.mktemp("trained")
    code_of_submission(folder / "copy")
    assert main(data, folder, *QUICK) == 0
    return folder / "copy"


def code_of_submission(copy: Path) -> None:
    copy.mkdir()
    for path in SUBMISSION.glob("*.py"):
        shutil.copy(path, copy)


def main(data: Path, folder: Path, *more: str) -> int:
    return dinov2_ensemble.main(
        ["--data", str(data), "--out", str(folder / "copy"), "--work", str(folder / "work"), *more]
    )


def model_of(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("model_of_a_test", folder / "model.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# The score


@pytest.mark.parametrize(
    ("name", "mlp", "sgd", "probability"),
    [("max", 0.8, 0.3, 0.8), ("max", 0.1, 0.3, 0.3), ("mean", 0.8, 0.3, 0.55),
     ("mlp", 0.8, 0.3, 0.8), ("sgd", 0.8, 0.3, 0.3)],
)  # fmt: skip
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


def features_and_labels(count: int = 120, width: int = 8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    hybrid = np.arange(count) % 4 == 0
    return (rng.normal(0, 1, (count, width)) + hybrid[:, None]).astype(np.float32), hybrid


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
    full = dinov2_ensemble.PRESETS["full"]
    assert (full.cut, full.side, full.score) == ("whole", 224, "max")
    assert (full.mlp_widths, full.mlp_steps, full.mlp_rate) == ((1024, 1024, 512), 200, 1e-4)


def test_the_mlps_loss_falls() -> None:
    features, hybrid = features_and_labels()
    mlp, losses = fit_mlp(features, hybrid, (8, 8, 4), steps=40, rate=1e-2, seed=0)
    assert losses[-1] < 0.7 * losses[0]
    odds = log_odds_of(mlp, as_arrays(fit_calibrated(features, hybrid, seed=0)), features)
    assert odds[hybrid].mean(axis=0).min() > odds[~hybrid].mean(axis=0).max()


def test_features_are_the_class_token_and_the_mean_patch() -> None:
    network = TINY.network().eval()
    pixels = np.random.default_rng(3).integers(0, 256, (2, 48, 48, 3)).astype(np.uint8)
    found = Backbone(network, PREPROCESSING).of_pixels(pixels)
    with torch.inference_mode():
        tokens = network(pixel_values=normalised(pixels, PREPROCESSING)).last_hidden_state
    assert tokens.shape == (2, 1 + 36, 16)
    assert found[:, :16] == pytest.approx(tokens[:, 0].numpy(), abs=1e-5)
    assert found[:, 16:] == pytest.approx(tokens[:, 1:].numpy().mean(axis=1), abs=1e-5)


# Preprocessing


def test_pixels_are_normalised_as_imagenet() -> None:
    pixels = np.array([0, 255], dtype=np.uint8)[:, None, None].repeat(3, axis=2)
    found = normalised(pixels, PREPROCESSING)
    assert found.shape == (3, 2, 1)
    assert found[:, 0, 0].tolist() == pytest.approx([-2.1179, -2.0357, -1.8044], abs=1e-4)
    assert found[:, 1, 0].tolist() == pytest.approx([2.2489, 2.4286, 2.64], abs=1e-4)


def test_the_whole_picture_is_squeezed_and_upright(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 20), (255, 0, 0))
    image.paste((0, 0, 255), (20, 0, 40, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # the picture's left side is at the top
    image.save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as turned:
        found = square_pixels(turned, {"cut": "whole", "side": 16})
    assert found.shape == (16, 16, 3)
    assert found[0].tolist() == [[255, 0, 0]] * 16
    assert found[-1].tolist() == [[0, 0, 255]] * 16


def test_a_wing_side_is_the_same_for_a_mirrored_picture_and_on_white() -> None:
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
        square_pixels(Image.new("RGB", (8, 8)), {"cut": "half", "side": 8})


def test_the_wing_modules_are_those_of_wing_pattern_sgd() -> None:
    for name in ("wings.py", "wing_alignment.py"):
        theirs = ROOT / "submissions" / "wing_pattern_sgd" / name
        assert (SUBMISSION / name).read_bytes() == theirs.read_bytes()


# Crosses


def test_shares_lie_between_nothing_and_all_in_as_many_patches_as_asked() -> None:
    shares = patch_shares(
        50, 48, Mixing(fewest_patches=3, most_patches=4), np.random.default_rng(4)
    )
    assert shares.shape == (50, 48, 48)
    assert shares.min() == 0
    assert shares.max() == 1
    assert max(len(torch.unique(share)) for share in shares) <= 4


@pytest.mark.parametrize("same", [True, False])
def test_a_mixture_lies_between_its_parents_and_tells_their_shares(same: bool) -> None:
    wings = some_wings()
    pictures, classes = mixed(wings, 40, same, Mixing(), np.random.default_rng(5))
    assert classes.sum(dim=1).tolist() == pytest.approx([1.0] * 40)
    assert (classes > 0).sum(dim=1).tolist() == [1 if same else 2] * 40
    lesser = classes.sort(dim=1).values[:, -2]
    assert same or lesser.min() >= 0.2
    for picture, shares in zip(pictures, classes, strict=True):
        parents = wings.pure[np.isin(wings.groups.member, torch.nonzero(shares).ravel())]
        assert torch.all(picture <= parents.amax(dim=0) + 1e-5)
        assert torch.all(picture >= parents.amin(dim=0) - 1e-5)


def test_crosses_are_made_of_the_allowed_pairs_only() -> None:
    wings = some_wings()
    only = Wings(wings.pure, wings.groups, wings.hybrids, wings.pairs[:, :1])
    _, classes = mixed(only, 30, False, Mixing(), np.random.default_rng(6))
    assert torch.all((classes > 0) == torch.tensor([True, True, False]))


def test_no_shift_leaves_the_picture_and_a_shift_keeps_white() -> None:
    wings = some_wings()
    still = Mixing(hue=0, strong_share=0, tone=0, saturation=0, bend=0, shift=0)
    same = shifted(wings.pure, still, np.random.default_rng(7))
    assert torch.allclose(same, wings.pure, atol=1e-4)
    white = torch.ones(4, 3, 48, 48)
    assert torch.allclose(shifted(white, Mixing(), np.random.default_rng(7)), white, atol=1e-5)


def test_a_batch_is_the_same_for_the_same_seed_and_has_all_kinds() -> None:
    wings = some_wings()
    batch, again = (make_batch(wings, 50, Mixing(), np.random.default_rng(8)) for _ in range(2))
    assert torch.equal(batch.pictures, again.pictures)
    assert len(batch.pictures) == 50
    assert batch.hybrid.sum().item() == 25 + 3  # crosses and known hybrids
    assert (batch.classes.sum(dim=1) == 0).sum().item() == 3  # whose parents are unknown


# The backbone from scratch


def test_the_loss_falls_in_a_few_steps(tmp_path: Path) -> None:
    trainer = Trainer(tmp_path, TINY, some_wings(), PREPROCESSING)
    trainer.train()
    assert np.mean(trainer.losses[-3:]) < 0.9 * np.mean(trainer.losses[:3])


def test_a_killed_training_goes_on_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dinov2_backbone, "SAVE_EVERY", 4)
    wings = some_wings()
    train_backbone(tmp_path / "whole", TINY, wings, PREPROCESSING)
    broken = Trainer(tmp_path / "killed", TINY, wings, PREPROCESSING)
    step = broken._step

    def killed() -> None:
        if len(broken.losses) == 6:
            raise KeyboardInterrupt
        step()

    monkeypatch.setattr(broken, "_step", killed)
    with pytest.raises(KeyboardInterrupt):
        broken.train()
    train_backbone(tmp_path / "killed", TINY, wings, PREPROCESSING)
    whole, resumed = (
        (tmp_path / name / "model" / "model.safetensors").read_bytes()
        for name in ("whole", "killed")
    )
    assert whole == resumed


def test_a_loss_that_is_no_number_stops_with_advice(tmp_path: Path) -> None:
    wings = some_wings()
    wings.pure[:] = float("nan")
    with pytest.raises(TrainingError, match=r"loss is nan in step 1; lower --rate \(now 0.001\)"):
        train_backbone(tmp_path, TINY, wings, PREPROCESSING)
    features, hybrid = features_and_labels()
    with pytest.raises(TrainingError, match=r"MLP's loss is nan in step 1; lower --mlp-rate"):
        fit_mlp(features * np.nan, hybrid, (4,), steps=2, rate=0.1, seed=0)


def test_a_checkpoint_of_another_training_is_not_taken_up(tmp_path: Path) -> None:
    wings = some_wings()
    train_backbone(tmp_path, TINY, wings, PREPROCESSING)
    other = BackboneRecipe(hidden=32, layers=1, attention_heads=2, steps=12)
    with pytest.raises(TrainingError, match=r"was made with .*'hidden': 16.*delete it"):
        Trainer(tmp_path, other, wings, PREPROCESSING).resume()
    (tmp_path / "last.pt").write_bytes(b"damaged")
    with pytest.raises(TrainingError, match="is no checkpoint of this training"):
        Trainer(tmp_path, TINY, wings, PREPROCESSING).resume()


# From pictures to a submission


def test_the_trained_copy_predicts_what_training_computed(trained: Path, data: Path) -> None:
    model = model_of(trained).Model()
    model.load()
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
        mlp, linear = model_of(trained).read_heads(arrays, 192, (64, 64, 32))
    odds = log_odds_of(mlp.float(), linear, extractor.features(tuple(paths)))
    expected = [combined("max", mlp_odds, sgd_odds) for mlp_odds, sgd_odds in odds.tolist()]
    assert batch == pytest.approx(expected, abs=1e-3)


def test_a_second_run_computes_no_feature_and_writes_the_same(
    trained: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(self: Backbone, pixels: np.ndarray) -> np.ndarray:
        raise AssertionError("a feature was computed anew")

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


def test_generated_pictures_join_the_training(
    trained: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = generated_folder(tmp_path / "generated", data)
    assert read_generated(folder).hybrid.tolist() == [False, True, False, True]
    backbone = str(trained / "weights" / "backbone")
    more = ["--backbone", backbone, "--mlp-steps", "2", "--synthetic", "0"]
    assert main(data, tmp_path, *more) == 0
    assert "30 pictures, 6 of hybrids" in capsys.readouterr().out
    assert main(data, tmp_path, *more, "--generated", str(folder)) == 0
    assert "34 pictures, 8 of hybrids" in capsys.readouterr().out


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
    with (copy / "train.csv").open(encoding="utf-8", newline="") as file:
        return copy, list(csv.DictReader(file))


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
    assert "'77.0' has 1 picture" in said
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("ready", [True, False])
def test_unreadable_pictures_are_all_named(
    data: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], ready: bool
) -> None:
    copy, rows = copy_of(data, tmp_path)
    broken = [row["filename"] for row in rows[::6]]
    for name in broken:
        (copy / "images" / name).write_bytes(b"no picture " + name.encode())
    backbone = ["--backbone", str(trained / "weights" / "backbone"), "--synthetic", "0"]
    assert main(copy, tmp_path, *(backbone if ready else QUICK)) == 1
    said = capsys.readouterr().err
    assert all(name in said for name in broken)
    assert "5 of 30 pictures cannot be used" in said


@pytest.mark.parametrize("options", [["--steps", "0"], ["--preset", "full", "--steps", "9"]])
def test_wrong_usage_is_status_2(options: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        dinov2_ensemble.main(options)
    assert ended.value.code == 2


def test_missing_weights_name_the_file_and_the_command(trained: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    (copy / "weights" / "heads.npz").unlink()
    with pytest.raises(FileNotFoundError, match=r"heads\.npz is missing.*dinov2_ensemble\.py"):
        model_of(copy).Model().load()
    (copy / "weights" / "backbone" / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors is missing: make it with"):
        model_of(copy).Model().load()


def test_weights_of_another_architecture_are_refused(trained: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    config = json.loads((copy / "config.json").read_text(encoding="utf-8"))
    (copy / "config.json").write_text(json.dumps(config | {"mlp_widths": [64, 64]}))
    with pytest.raises(ValueError, match=r"heads' weights do not fit config\.json"):
        model_of(copy).Model().load()
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
        model_of(SUBMISSION).Model().predict_batch([np.zeros((48, 48, 3), np.uint8)])


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
    model = model_of(tmp_path / "copy").Model()
    model.load()
    paths = sorted((data / "images").glob("*.jpg"))[:2]
    scores = model.predict_batch([model.preprocess(Image.open(path)) for path in paths])
    assert scores == [model.predict(Image.open(path)) for path in paths]
    assert np.isfinite(scores).all()
    assert scores[0] != scores[1]
