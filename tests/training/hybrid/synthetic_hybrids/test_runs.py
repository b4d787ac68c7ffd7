"""training/hybrid/synthetic_hybrids: training, generation and the contact sheet."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.support.synthetic_hybrids import (
    gradient_image,
    run_training,
    small_vgg,
    table_rows,
)
from training.hybrid.synthetic_hybrids import (
    contact_sheet,
    generate,
    lists,
    losses,
    measure,
    networks,
    warps,
)
from training.hybrid.synthetic_hybrids import factory_run as runs
from training.hybrid.synthetic_hybrids import train as training
from training.hybrid.synthetic_hybrids.batches import batch_keys
from training.hybrid.synthetic_hybrids.weights import read_weights

ROOT = Path(__file__).parents[4]

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def trained(dataroot: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three epochs that nothing interrupted."""
    out = tmp_path_factory.mktemp("run")
    assert run_training(dataroot, out) == 0
    return out


def test_the_loss_falls_in_a_few_steps() -> None:
    small = replace(runs.SMALL, size=32, ngf=8, ndf=4, n_blocks=1)
    settings = replace(small, epochs=100, learning_rate=2e-3, seed=0, perceptual=True)
    pair = lists.Pair("Images/a/train/pidinet_edges/a.png", "Images/a/train/good/a.jpg")
    perceptual = losses.PerceptualLoss(small_vgg())
    run = runs.Run(Path("unused"), settings, [pair], perceptual)
    image = gradient_image(32)
    examples = [warps.make_example(image, image, seed) for seed in range(4)]
    inputs = torch.stack([torch.cat([one.edge, one.reference]) for one in examples])
    target = torch.stack([one.target for one in examples])

    def distance() -> float:
        with torch.no_grad():
            return float((run.generator(inputs)[0] - target).abs().mean())

    before = distance()
    found = [run.learn(inputs, target) for _ in range(20)]
    for name in ("perceptual", "pixels"):
        first, last = (np.mean([step[name] for step in some]) for some in (found[:3], found[-3:]))
        assert last < 0.75 * first, name
    assert distance() < 0.75 * before


def test_training_writes_what_generation_needs(trained: Path) -> None:
    assert {path.name for path in trained.iterdir()} == {
        "checkpoint.pt",
        "generator.safetensors",
        "log.csv",
        "settings.json",
    }
    rows = table_rows(trained / "log.csv")
    assert [int(row["step"]) for row in rows] == list(range(1, 13))  # 3 epochs of 4 batches
    assert all(math.isfinite(float(row["generator"])) for row in rows)
    assert json.loads((trained / "settings.json").read_text())["ngf"] == 4


def test_a_killed_run_ends_with_the_log_and_weights_of_a_whole_one(
    dataroot: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn = runs.Run.learn

    def dies(run: runs.Run, inputs: Tensor, target: Tensor) -> dict[str, float]:
        if run.step == 6:
            raise KeyboardInterrupt
        return learn(run, inputs, target)

    monkeypatch.setattr(runs.Run, "learn", dies)
    assert run_training(dataroot, tmp_path) == 130
    monkeypatch.undo()
    assert (tmp_path / "checkpoint.pt").is_file()  # of step 5: every 8 images
    assert run_training(dataroot, tmp_path) == 0
    assert (tmp_path / "log.csv").read_bytes() == (trained / "log.csv").read_bytes()
    name = "generator.safetensors"
    assert (tmp_path / name).read_bytes() == (trained / name).read_bytes()


def test_a_finished_run_is_not_trained_further(
    dataroot: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (trained / "checkpoint.pt").read_bytes()
    assert run_training(dataroot, trained) == 0
    assert "resumed after step 12 of 12" in capsys.readouterr().out
    assert (trained / "checkpoint.pt").read_bytes() == before


def test_a_run_of_other_settings_is_not_continued(
    dataroot: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_training(dataroot, trained, "--ngf", "8", "--seed", "1") == 1
    error = capsys.readouterr().err
    assert "ngf: 4 then, 8 now" in error
    assert "seed: 202412 then, 1 now" in error


def test_a_damaged_checkpoint_is_named(
    dataroot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"half")
    assert run_training(dataroot, tmp_path) == 1
    assert "checkpoint.pt cannot be read as a checkpoint" in capsys.readouterr().err


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_its_checkpoint(
    dataroot: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    learn = runs.Run.learn

    def poisoned(run: runs.Run, inputs: Tensor, target: Tensor) -> dict[str, float]:
        return learn(run, inputs, target * (math.nan if run.step == 6 else 1))

    monkeypatch.setattr(runs.Run, "learn", poisoned)
    assert run_training(dataroot, tmp_path) == 1
    error = capsys.readouterr().err
    assert "step 7: loss" in error
    assert "that of step 5 stays" in error
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["state"]["step"] == 5


UNUSABLE = {
    "--batch 0 --learning-rate -1": (
        "batch 0: expected more than 0", "learning_rate -1.0: expected more than 0",
    ),
    "--size 30": ("expected a multiple of 4",),
    "--size 64": ("was prepared with 32 (prepare.py --size 64)",),  # never blown up
}  # fmt: skip


@pytest.mark.parametrize("options", UNUSABLE)
def test_unusable_options_are_all_named(
    dataroot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: str
) -> None:
    assert run_training(dataroot, tmp_path, *options.split()) == 1
    error = capsys.readouterr().err
    assert [said for said in UNUSABLE[options] if said not in error] == []


def test_the_small_preset_learns_from_pixels_and_needs_no_vgg() -> None:
    few = ["--dataroot", "List", "--out", "run"]
    settings = training.settings_of(training.parse(few))
    assert settings == runs.SMALL
    assert settings.pixels > 0
    assert not settings.perceptual
    assert training.settings_of(training.parse([*few, "--vgg", "vgg19.pth"])).perceptual
    full = training.settings_of(training.parse([*few, "--preset", "full", "--no-perceptual"]))
    assert (full.perceptual, full.pixels) == (False, 0)


def test_the_full_preset_has_the_published_values() -> None:
    options = training.parse(["--dataroot", "List", "--out", "run", "--preset", "full"])
    assert training.settings_of(options) == runs.Settings(
        256, 64, 64, 4, 9, 40, 8000, 8000, 2e-4, 202412, 1000, True
    )
    settings = training.settings_of(options)
    rates = [settings.learning_rate_at(epoch) for epoch in (0, 7999, 12000, 16000)]
    assert rates == pytest.approx([2e-4, 2e-4, 1e-4, 0])


def test_training_can_start_from_a_generator(
    dataroot: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    initial = ["--initial", str(trained / "generator.safetensors")]
    assert run_training(dataroot, tmp_path / "a", *initial, "--learning-rate", "1e-12") == 0
    a, b = (read_weights(f / "generator.safetensors") for f in (tmp_path / "a", trained))
    assert all(torch.allclose(a[name], b[name], atol=1e-8) for name in b)
    assert run_training(dataroot, tmp_path / "b", *initial, "--ngf", "8") == 1
    assert "--initial is a generator of other sizes" in capsys.readouterr().err


def test_every_epoch_shows_every_image_once_in_its_own_order() -> None:
    batches = list(batch_keys(10, 4, seed=1, first=0, last=6))
    epochs = [[key[0] for batch in batches[i : i + 3] for key in batch] for i in (0, 3)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(10))
    assert epochs[0] != epochs[1]
    assert list(batch_keys(10, 4, seed=1, first=4, last=6)) == batches[4:]
    assert len({key[1] for batch in batches for key in batch}) == 20


def run_generation(dataroot: Path, trained: Path, out: Path, kind: str = "signal") -> int:
    weights = str(trained / "generator.safetensors")
    folder = str(dataroot / "Lists" / kind)
    fixed = ["--threads", "1", "--batch", "4"]
    return generate.main(["--weights", weights, "--dataroot", folder, "--out", str(out), *fixed])


def test_generated_images_are_named_and_listed(
    dataroot: Path, trained: Path, tmp_path: Path
) -> None:
    assert run_generation(dataroot, trained, tmp_path) == 0
    rows = table_rows(tmp_path / "generated.csv")
    pairs = lists.read_pairs(dataroot / "Lists" / "signal", lists.TEST)
    assert [row["filename"] for row in rows] == [
        f"AF_{pair.label}_gen{number:05d}.png" for number, pair in enumerate(pairs)
    ]
    assert {row["hybrid_stat"] for row in rows} == {"hybrid"}
    assert (rows[0]["structure"], rows[0]["appearance"]) == (pairs[0].edge, pairs[0].colour)
    assert {path.name for path in tmp_path.glob("*.png")} == {row["filename"] for row in rows}
    with Image.open(tmp_path / rows[0]["filename"]) as image:
        assert (image.size, image.mode) == ((32, 32), "RGB")


def test_a_killed_generation_is_resumed(
    dataroot: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_generation(dataroot, trained, tmp_path, "nonhybrid") == 0
    images = sorted(tmp_path.glob("*.png"))
    wanted, kept = images[3].read_bytes(), images[0].stat().st_mtime_ns
    images[3].unlink()
    (tmp_path / "generated.csv").unlink()
    assert run_generation(dataroot, trained, tmp_path, "nonhybrid") == 0
    assert "1 made, 11 were there" in capsys.readouterr().out
    assert images[3].read_bytes() == wanted
    assert images[0].stat().st_mtime_ns == kept
    rows = table_rows(tmp_path / "generated.csv")
    assert {row["hybrid_stat"] for row in rows} == {"non-hybrid"}
    assert run_generation(dataroot, trained, tmp_path, "signal") == 1
    assert "holds images of other ['lists_sha256']" in capsys.readouterr().err


@pytest.mark.slow
def test_the_scripts_run_as_scripts(dataroot: Path, tmp_path: Path) -> None:
    for name in ("prepare", "train", "generate", "contact_sheet", "measure"):
        ended = subprocess.run(
            [sys.executable, "-m", f"training.hybrid.synthetic_hybrids.{name}", "--help"],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert ended.returncode == 0, ended.stderr


# Contact sheet and measurement


def draw_sheet(dataroot: Path, trained: Path, out: Path) -> int:
    weights = str(trained / "generator.safetensors")
    return contact_sheet.main(
        ["--weights", weights, "--dataroot", str(dataroot), "--out", str(out)]
    )


def test_the_contact_sheet_has_a_row_for_each_chosen_pair(
    dataroot: Path, trained: Path, tmp_path: Path
) -> None:
    rows = contact_sheet.choose_rows(dataroot)
    assert [row.kind for row in rows] == ["nonhybrid"] * 4 + ["signal"] * 6 + ["nonsignal"] * 6
    assert [row.hybrid for row in rows if row.kind == "signal"][:2] == [
        "Images/hybrid/train/good/h0.jpg",
        "Images/hybrid/train/good/h1.jpg",
    ]
    assert not any(row.hybrid for row in rows if row.kind != "signal")
    out = tmp_path / "sheet.jpg"
    assert draw_sheet(dataroot, trained, out) == 0
    cell, caption = contact_sheet.CELL, contact_sheet.CAPTION
    with Image.open(out) as sheet:
        assert sheet.size == (10 * cell + contact_sheet.GAP, caption + 8 * (cell + caption))
    assert out.stat().st_size <= 300_000


def test_the_sheet_shows_what_generation_makes(
    dataroot: Path, trained: Path, tmp_path: Path
) -> None:
    assert run_generation(dataroot, trained, tmp_path) == 0
    pairs = lists.read_pairs(dataroot / "Lists" / "signal", lists.TEST)
    generator = networks.generator_from_state(read_weights(trained / "generator.safetensors"))
    row = contact_sheet.Row("signal", pairs[2], None)
    cells = contact_sheet.images_of(row, generator.eval(), dataroot, 32)
    with Image.open(tmp_path / generate.image_name(pairs[2], 2)) as made:
        difference = np.asarray(made, dtype=int) - np.asarray(cells[3], dtype=int)
    assert np.abs(difference).max() <= 1  # a batch of another size may round otherwise
    assert cells[4] is None


def test_a_sheet_of_nothing_says_what_is_missing(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert draw_sheet(tmp_path, trained, tmp_path / "sheet.jpg") == 1
    assert "no pairs in Lists/{nonhybrid,signal,nonsignal}" in capsys.readouterr().err
    assert not (tmp_path / "sheet.jpg").exists()


def test_images_that_show_hybrids_plainly_raise_the_recalls() -> None:
    rng = np.random.default_rng(0)
    group = np.repeat(["major", "minor", "mimic"], 60)
    stat = np.tile([0, 1], 90)
    # Hybrids of the pair that was photographed differ in the first feature, others in the second.
    dev = rng.normal(0, 0.3, (180, 4)).astype(np.float32)
    dev[(stat == 1) & (group == "major"), 0] += 3
    dev[(stat == 1) & (group != "major"), 1] += 3
    reference = measure.Reference((), stat, group)

    def made(hybrid_feature: int) -> measure.Set:
        features = rng.normal(0, 0.3, (80, 4)).astype(np.float32)
        hybrid = np.arange(80) % 2 == 1
        features[hybrid, hybrid_feature] += 3
        return measure.Set(features, hybrid)

    results = measure.compare(made(0), {"nonsignal": made(1)}, dev, reference, seeds=2)
    without, with_ = results["photographs"], results["photographs + nonsignal"]
    assert without.shape == (2, 4)
    assert with_[:, 1:3].min() > 0.9 > without[:, 1:3].max()


def test_the_table_gives_mean_and_spread() -> None:
    results = {"photographs": np.array([[0.1, 0.2, 0.3, 0.4], [0.3, 0.2, 0.3, 0.4]])}
    text = measure.table_of(results, {"photographs": 10})
    assert "| photographs | 0.200 (0.141) | 0.200 (0.000) | 0.300 (0.000) | 0.400 (0.000) |" in text
    assert "over 2 seeds. Images: photographs 10." in text


def test_a_measurement_without_development_images_says_so(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "train").symlink_to(data)
    arguments = ["--photographs", str(tmp_path), "--generated", str(tmp_path), "--work", "unused"]
    assert measure.main(arguments) == 1
    assert "ref_dev.csv is missing" in capsys.readouterr().err
