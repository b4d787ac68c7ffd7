"""BioCLIP's ViT-B/16 at full size, with random weights in its public layout, offline."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import open_clip  # type: ignore[import-untyped]
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from tests.support.hybrid_data import copy_sample
from tests.support.retrieval import load_model
from training.hybrid import balance_classes, bioclip_wings
from training.hybrid.bioclip import finetune as finetune_bioclip

ROOT = Path(__file__).parents[3]


# The model_cfg of imageomics/bioclip's open_clip_config.json.
BIOCLIP = {
    "embed_dim": 512,
    "vision_cfg": {"image_size": 224, "layers": 12, "width": 768, "patch_size": 16},
    "text_cfg": {
        "context_length": 77,
        "vocab_size": 49408,
        "width": 512,
        "heads": 8,
        "layers": 12,
    },
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bioclip")
    model = open_clip.CLIP(**BIOCLIP)
    save_file(
        {n: t.contiguous() for n, t in model.state_dict().items()},
        folder / "open_clip_model.safetensors",
    )
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": BIOCLIP}))
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three subspecies and the hybrids, five images each."""
    folder = tmp_path_factory.mktemp("data")
    copy_sample(folder, ("8.0", "9.0", "2.0"), each=5, hybrids=5)
    return folder


def test_the_whole_model_has_the_size_of_bioclip(backbone: Path) -> None:
    state = load_file(backbone / "open_clip_model.safetensors")
    tower = {n: t for n, t in state.items() if n.startswith("visual.")}
    assert sum(t.numel() for t in tower.values()) == 86_192_640
    assert tower["visual.proj"].shape == (768, 512)


def test_two_steps_of_the_published_recipe_and_two_answers(
    backbone: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every step of the pipeline; the wing network small, two steps for the tower."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    submission = tmp_path / "submission"
    ignored = shutil.ignore_patterns("__pycache__", "weights*", "config.json")
    shutil.copytree(ROOT / "submissions" / "bioclip_wings", submission, ignore=ignored)
    unet = ["--width", "2", "--image-size", "32", "--epochs", "4", "--learning-rate", "0.02"]
    monkeypatch.setitem(bioclip_wings.UNET, "full", unet)
    balance = balance_classes.main
    monkeypatch.setattr(balance_classes, "main", lambda given: balance([*given, "--fewest", "4"]))
    place = ["--data", str(data), "--out", str(submission), "--work", str(tmp_path / "work")]
    full = ["--preset", "full", "--backbone", f"local-dir:{backbone}", "--epochs", "1"]
    assert bioclip_wings.main([*place, *full]) == 0

    before = load_file(backbone / "open_clip_model.safetensors")
    after = load_file(submission / "weights" / "tower.safetensors")
    changed = {n for n, t in after.items() if not torch.equal(before["visual." + n], t)}
    assert changed
    assert all(n.startswith(("transformer.resblocks.1", "ln_post")) for n in changed)
    assert {n.split(".")[2] for n in changed if "resblocks" in n} == {"10", "11"}

    model = load_model(submission)
    for path in sorted((data / "images").iterdir())[:2]:
        with Image.open(path) as image:
            views = model.preprocess(image)
        assert views.shape == (1, 3, 224, 224)
        answer = model.predict_batch([views])
        assert isinstance(answer[0], float)


def test_finetuning_reads_the_published_weights_of_another_run(
    backbone: Path, data: Path, tmp_path: Path
) -> None:
    """A tower and a head as published, as the start of another run: one step, rates near zero."""
    whole = load_file(backbone / "open_clip_model.safetensors")
    folder = tmp_path / "published"
    folder.mkdir()
    torch.save(whole, folder / "open_clip_pytorch_model.bin")
    shutil.copy(backbone / "open_clip_config.json", folder)
    head = torch.nn.Linear(512, 4)
    torch.save(head.state_dict(), tmp_path / "cl_head_select_wings.pth")
    status = finetune_bioclip.main(
        [
            "--preset",
            "full",
            "--data",
            str(data),
            "--out",
            str(tmp_path / "out"),
            "--backbone",
            f"local-dir:{folder}",
            "--head",
            str(tmp_path / "cl_head_select_wings.pth"),
            "--epochs",
            "1",
            "--batch",
            "16",
            "--learning-rate",
            "1e-12",
            "--head-learning-rate",
            "1e-12",
        ]
    )
    assert status == 0
    found = load_file(tmp_path / "out" / "head.safetensors")
    assert torch.allclose(found["weight"], head.weight.detach(), atol=1e-6)
