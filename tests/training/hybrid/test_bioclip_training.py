"""Fine-tuning the tower and building bioclip_wings: small, resumed, and from bad inputs."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import open_clip  # type: ignore[import-untyped]
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from tests.support.hybrid_data import read_table, write_table
from tests.support.retrieval import load_model, model_module
from training.common.errors import TrainingError
from training.hybrid import bioclip_wings
from training.hybrid.bioclip import finetune as finetune_bioclip
from training.hybrid.bioclip.batches import Shift, cross, partners, shares, shift
from training.hybrid.bioclip.images import Order, read_labels
from training.hybrid.bioclip.recipe import PRESETS
from training.hybrid.bioclip.statistics import fit_statistics, score_weights
from training.hybrid.bioclip.trainer import freeze

ROOT = Path(__file__).parents[3]


TINY = {
    "embed_dim": 6,
    "vision_cfg": {"image_size": 16, "layers": 3, "width": 8, "head_width": 4, "patch_size": 8},
}
TEXT = {"context_length": 4, "vocab_size": 10, "width": 8, "heads": 1, "layers": 1}


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny CLIP model in open_clip's layout."""
    folder = tmp_path_factory.mktemp("backbone")
    torch.manual_seed(0)
    model = open_clip.CLIP(**TINY, text_cfg=dict(TEXT))
    save_file(dict(model.state_dict()), folder / "open_clip_model.safetensors")
    config = {"model_cfg": {**TINY, "text_cfg": TEXT}, "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    return folder


def tune(data: Path, backbone: Path, out: Path, *more: str) -> int:
    """The published recipe, at 16 pixels."""
    sizes = ["--image-size", "16", "--resize", "20", "--epochs", "3"]
    place = ["--data", str(data), "--out", str(out), "--backbone", f"local-dir:{backbone}"]
    return finetune_bioclip.main(["--preset", "full", *place, *sizes, *more])


def weights(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "tower.safetensors") | load_file(out / "head.safetensors")


def test_only_the_last_blocks_ln_post_and_the_head_are_trained(
    data: Path, backbone: Path, tmp_path: Path
) -> None:
    assert tune(data, backbone, tmp_path, "--learning-rate", "0.01") == 0
    before = load_file(backbone / "open_clip_model.safetensors")
    after = load_file(tmp_path / "tower.safetensors")
    changed = [n for n, tensor in after.items() if not torch.equal(before["visual." + n], tensor)]
    places = {".".join(n.split(".")[:3]) if "resblocks" in n else n.split(".")[0] for n in changed}
    assert places == {"transformer.resblocks.1", "transformer.resblocks.2", "ln_post"}
    found = json.loads((tmp_path / "finetuned.json").read_text())
    assert found["classes"] == ["2.0", "8.0", "9.0", "hybrid"]
    assert found["preprocessing"]["mean"] == [0.485, 0.456, 0.406]
    with (tmp_path / "log.csv").open() as file:
        log = list(csv.DictReader(file))
    assert [row["epoch"] for row in log] == ["1", "2", "3"]
    assert all(float(row["validation_loss"]) > 0 for row in log)


def test_the_published_values_are_the_full_preset() -> None:
    full = PRESETS["full"]
    assert (full.blocks, full.learning_rate, full.head_learning_rate, full.epochs, full.batch) == (
        2,
        1e-5,
        1e-3,
        7,
        8,
    )
    assert (full.resize, full.image_size, full.normalisation) == (256, 224, "imagenet")


def test_mixed_precision_trains_too(
    data: Path, backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)  # precision is fixed for a process
    try:
        monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
        assert tune(data, backbone, tmp_path, "--epochs", "1") == 0
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)
    assert all(torch.isfinite(tensor).all() for tensor in weights(tmp_path).values())


def test_a_checkpoint_of_other_settings_or_no_checkpoint_is_refused(
    data: Path, backbone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune(data, backbone, tmp_path, "--epochs", "1") == 0
    assert tune(data, backbone, tmp_path, "--epochs", "2") == 0
    assert "resumed after epoch 1" in capsys.readouterr().out
    assert tune(data, backbone, tmp_path, "--blocks", "1") == 1
    assert "blocks: 2 then, 1 now" in capsys.readouterr().err
    (tmp_path / "last.pt").write_bytes(b"")
    assert tune(data, backbone, tmp_path) == 1
    assert "cannot be read as a checkpoint" in capsys.readouterr().err


def test_a_loss_that_is_not_finite_stops_training(
    data: Path, backbone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        tune(data, backbone, tmp_path, "--head-learning-rate", "1e30", "--learning-rate", "1e30")
        == 1
    )
    assert "the loss is nan in epoch" in capsys.readouterr().err
    assert not (tmp_path / "tower.safetensors").exists()


def test_a_backbone_of_another_architecture_is_refused(
    data: Path, backbone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    shutil.copytree(backbone, other)
    config = json.loads((other / "open_clip_config.json").read_text())
    config["model_cfg"]["vision_cfg"]["width"] = 12
    (other / "open_clip_config.json").write_text(json.dumps(config))
    assert tune(data, other, tmp_path / "out") == 1
    assert "of another shape: class_embedding is (8,), expected (12,)" in capsys.readouterr().err
    assert tune(data, backbone, tmp_path / "out", "--blocks", "4") == 1
    assert "--blocks 4: the tower has 3 of them" in capsys.readouterr().err


def test_a_tower_without_attention_blocks_is_trained_whole_or_not_at_all() -> None:
    tower = torch.nn.Linear(2, 2)
    freeze(tower, -1)
    assert all(p.requires_grad for p in tower.parameters())
    with pytest.raises(TrainingError, match="-1 trains all of it"):
        freeze(tower, 2)


def test_bad_tables_and_images_are_named_together(
    data: Path, backbone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    shutil.copytree(data, folder)
    rows = read_table(folder)
    rows[0]["filename"] = "nowhere.jpg"
    write_table(folder, [row for row in rows if row["subspecies"] != "2.0" or row is rows[-1]])
    rows = [row for row in rows if row["subspecies"] != "2.0"] + [
        next(row for row in rows if row["subspecies"] == "2.0")
    ]
    write_table(folder, rows)
    assert tune(folder, backbone, tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert "image 'nowhere.jpg' is not in" in said
    assert "subspecies '2.0' has 1 image" in said
    shutil.copy(data / "train.csv", folder)
    for row in read_table(folder)[:2]:
        (folder / "images" / row["filename"]).write_bytes(b"no image")
    assert tune(folder, backbone, tmp_path / "out") == 1
    assert "2 of 19 images cannot be used, nothing was trained" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--views", "halves"], "needs --network"),
        (["--crosses", "0.5"], "crosses are made of aligned wings"),
        (["--image-size", "300"], "--image-size must be"),
        (["--epochs", "0"], "must be above 0"),
        (["--normalisation", "none"], "imagenet, clip or half"),
    ],
)
def test_options_that_cannot_be_end_with_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        finetune_bioclip.main(
            ["--preset", "full", "--data", str(tmp_path), "--out", str(tmp_path), *options]
        )
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_soft_parents_teach_half_of_each_and_need_no_hybrid_class(data: Path) -> None:
    plain, soft = read_labels(data, False), read_labels(data, True, hybrid_class=False)
    assert plain.classes == ("2.0", "8.0", "9.0", "hybrid")
    assert plain.targets[-1].tolist() == [0, 0, 0, 1]
    assert soft.classes == ("2.0", "8.0", "9.0")
    assert soft.targets[-1].tolist() == [0, 0.5, 0.5]
    assert soft.pure.tolist() == plain.pure.tolist() == [True] * 15 + [False] * 4
    assert np.allclose(soft.targets.sum(axis=1), 1)


def test_the_order_of_rows_is_that_of_seed_and_epoch() -> None:
    own = np.array([0] * 90 + [1] * 10)
    plain, again = Order(own, False, 3), Order(own, False, 3)
    assert list(plain) == list(again)
    assert sorted(plain) == list(range(100))
    again.epoch = 1
    assert list(plain) != list(again)
    drawn = np.concatenate([own[list(o)] for o in (_at(Order(own, True, 3), e) for e in range(50))])
    assert drawn.mean() == pytest.approx(0.25, abs=0.03)  # roots of 90 and 10: 3 to 1


def _at(order: Order, epoch: int) -> Order:
    order.epoch = epoch
    return order


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_cross_of_a_image_with_itself_is_that_image() -> None:
    images = torch.rand(3, 3, 12, 8, generator=generator())
    crossed, _ = cross(images, images, generator())
    assert torch.allclose(crossed, images, atol=1e-5)


def test_a_cross_lies_between_its_parents_and_its_share_says_where() -> None:
    dark, light = torch.full((40, 3, 24, 16), 0.2), torch.full((40, 3, 24, 16), 0.8)
    crossed, share = cross(dark, light, generator())
    assert crossed.min() >= 0.2 - 1e-5
    assert crossed.max() <= 0.8 + 1e-5
    grey = crossed.mean((1, 2, 3))
    both = shares(40, 24, 16, generator())
    same = (both[:, 0] - both[:, 1]).abs().amax((1, 2)) < 1e-6  # no patches of colour's own
    assert 5 < int(same.sum()) < 40
    assert torch.allclose(grey[same], (0.8 - 0.6 * share)[same], atol=1e-4)


def test_partners_are_of_another_class_and_the_same_view() -> None:
    classes, views = torch.tensor([0, 0, 1, 1, 2, 0]), torch.tensor([0, 1, 0, 1, 0, 2])
    for seed in range(20):
        other = partners(classes, views, generator(seed))
        assert (views[other] == views).all()
        assert (classes[other] != classes)[:5].all()
        assert other[5] == 5  # nothing else is seen from there


def test_shifts_leave_white_white_and_nothing_leaves_0_to_1() -> None:
    images = torch.ones(8, 3, 24, 16)
    images[:, :, 6:18, 4:12] = torch.rand(8, 3, 12, 8, generator=generator())
    moved = shift(images, Shift(), generator())
    assert torch.allclose(moved[:, :, 0], torch.ones(()), atol=1e-4)
    assert moved.min() >= 0
    assert moved.max() <= 1 + 1e-6
    still = shift(images, Shift(0, 0, 0, 0, 0, 0, 0), generator())
    assert torch.allclose(still, images, atol=1e-4)


def test_statistics_find_the_class_of_a_feature() -> None:
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 0, 0], [9, 0, 0], [0, 9, 0]])
    features = np.repeat(centres, 30, axis=0) + rng.normal(0, 1, (90, 3))
    names, views = np.repeat(["a", "b", "c"], 30), np.full(90, "")
    found = fit_statistics(features, names, views)
    assert np.allclose(found.means, centres, atol=0.6)
    assert [int(found.class_distances(c).argmin()) for c in centres] == [0, 1, 2]
    near = np.mean([found.class_distances(f).min() for f in features])
    assert near == pytest.approx(3, abs=0.8)  # a chi-square of three dimensions
    assert found.pairs.tolist() == [[0, 0, 1], [1, 2, 2]]


def test_weights_give_each_part_an_even_say() -> None:
    parts = ("hybrid_or_margin", "two_parents", "hybrid_class", "relative_mahalanobis", "midpoint")
    pure = {name: np.array([0.0, 0.0]) for name in parts}
    crosses = {name: np.array([4.0, 4.0]) for name in parts}
    found = score_weights(pure, crosses)
    assert found["midpoint"] == {"midpoint": 1.0}
    assert found["mahalanobis_and_midpoint"] == {"relative_mahalanobis": 0.5, "midpoint": 0.5}


@pytest.fixture(scope="module")
def built(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole pipeline on 19 images; the wing network learns from 64 pixels for two epochs."""
    folder = tmp_path_factory.mktemp("built")
    submission = folder / "submission"
    shutil.copytree(
        ROOT / "submissions" / "bioclip_wings",
        submission,
        ignore=shutil.ignore_patterns("__pycache__", "weights*", "config.json"),
    )
    patch = pytest.MonkeyPatch()
    unet = ["--width", "2", "--image-size", "32", "--epochs", "4", "--learning-rate", "0.02"]
    patch.setitem(bioclip_wings.UNET, "small", unet)
    patch.setattr(bioclip_wings, "SPREAD_CROSSES", 40)
    place = ["--data", str(data), "--out", str(submission), "--work", str(folder / "work")]
    assert bioclip_wings.main([*place, "--epochs", "12"]) == 0
    patch.undo()
    return folder


def test_the_pipeline_builds_a_submission_and_the_loss_falls(built: Path, data: Path) -> None:
    with (built / "work" / "log.csv").open() as file:
        losses = [float(row["train_loss"]) for row in csv.DictReader(file)]
    assert losses[-1] < losses[0] - 0.2
    model = load_model(built / "submission")
    answers = []
    for row in read_table(data)[:3]:
        with Image.open(data / "images" / row["filename"]) as image:
            answers.append(model.predict(image.copy()))
    assert all(isinstance(answer, float) for answer in answers)
    assert len(set(answers)) == 3
    manifest = json.loads((built / "submission" / "weights.json").read_text())
    assert {e["path"] for e in manifest["files"]} == {
        f"weights/{name}.safetensors" for name in ("wing_unet", "tower", "head", "statistics")
    }


def test_every_score_of_the_configuration_can_be_the_score(built: Path, tmp_path: Path) -> None:
    submission = tmp_path / "submission"
    shutil.copytree(built / "submission", submission)
    config = json.loads((submission / "config.json").read_text())
    assert config["score"] in config["scores"]
    image = Image.linear_gradient("L").resize((40, 30))
    answers = {}
    for name in config["scores"]:
        (submission / "config.json").write_text(json.dumps({**config, "score": name}))
        model = load_model(submission)
        answers[name] = model.predict(image)
        batch = model.predict_batch([model.preprocess(image)] * 2)
        assert batch == pytest.approx([answers[name]] * 2, rel=1e-6)  # sums of another order
    assert len(set(answers.values())) >= len(answers) - 1


def test_a_missing_weight_is_named_with_the_command(built: Path, tmp_path: Path) -> None:
    submission = tmp_path / "submission"
    shutil.copytree(built / "submission", submission)
    (submission / "weights" / "head.safetensors").unlink()
    with pytest.raises(RuntimeError, match="load"):
        model_module(submission).Model().predict(Image.new("RGB", (4, 4)))
    with pytest.raises(
        Exception, match=r"(?s)weights/head\.safetensors: made by .*training\.hybrid\.bioclip_wings"
    ):
        load_model(submission)
