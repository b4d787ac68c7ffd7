"""The filters that need a network: what they flag with one, and what they say without."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import open_clip  # type: ignore[import-untyped]
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from kit.package_files import PackageFailed
from tests.support.families import draw_collection, speckled
from training.common import base_network
from training.family.collection import Collection, read_collection
from training.family.filters import clip_prompts, imagenet_classes, person_detector
from training.family.filters.clip_prompts import BAD, GOOD
from training.family.filters.frame import FilterUnavailable, Given

pytestmark = pytest.mark.usefixtures("one_thread")

TINY_CLIP = {
    "embed_dim": 16,
    "vision_cfg": {"layers": 1, "width": 16, "head_width": 16, "patch_size": 16, "image_size": 32},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 8, "heads": 2, "layers": 1},
}
NORM = {"mean": [0.5] * 3, "std": [0.5] * 3}
RED, GREEN = (230, 20, 20), (20, 230, 20)


def no_network(_: Collection) -> NDArray[np.float32]:
    raise AssertionError("no features are needed here")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve images; the rows 2 and 7 are red, the others green, one of them in CMYK."""
    folder = tmp_path_factory.mktemp("data")
    for number, row in enumerate(draw_collection(folder)):
        image = speckled(number, RED if number in (2, 7) else GREEN)
        (image.convert("CMYK") if number == 4 else image).save(folder / "images" / row[0])
    return folder


def write_clip(folder: Path, sign: float = 1.0) -> Any:
    """Save a small CLIP of random weights as open_clip does, its words times `sign`."""
    torch.manual_seed(0)
    model = open_clip.CLIP(**TINY_CLIP).eval()
    with torch.no_grad():
        model.text_projection.mul_(sign)
    folder.mkdir()
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    config = json.dumps({"model_cfg": TINY_CLIP, "preprocess_cfg": NORM})
    (folder / "open_clip_config.json").write_text(config)
    return model


def flags_by_clip(data: Path, folder: Path) -> NDArray[np.bool_]:
    return clip_prompts.flag(Given(read_collection(data), no_network, clip_folder=folder))


@torch.inference_mode()
def test_clip_prompts_flags_what_is_less_like_the_good_prompts(data: Path, tmp_path: Path) -> None:
    model = write_clip(tmp_path / "clip")
    _, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{tmp_path / 'clip'}")
    text = model.encode_text(open_clip.get_tokenizer("ViT-B-32")([*GOOD, *BAD]))
    expected = []
    for path in read_collection(data).paths:
        with Image.open(path) as image:
            seen = model.encode_image(preprocess(image.convert("RGB"))[None])
        alike = torch.cosine_similarity(seen, text)
        expected.append(float(alike[: len(GOOD)].mean() - alike[len(GOOD) :].mean()))
    found = clip_prompts.similarity_gap(read_collection(data).paths, tmp_path / "clip")
    assert found == pytest.approx(expected, abs=1e-3)
    flags = flags_by_clip(data, tmp_path / "clip")
    assert np.array_equal(flags, np.array(expected) < 0)
    write_clip(tmp_path / "opposite", -1.0)
    assert np.array_equal(flags_by_clip(data, tmp_path / "opposite"), ~flags)


def test_clip_prompts_without_weights_or_with_damaged_ones(data: Path, tmp_path: Path) -> None:
    write_clip(tmp_path / "clip")
    weights = tmp_path / "clip/open_clip_model.safetensors"
    for damage in (lambda: weights.write_bytes(b"x"), weights.unlink):
        damage()
        with pytest.raises(FilterUnavailable, match=r"found .*clip: .*--skip clip_prompts"):
            flags_by_clip(data, tmp_path / "clip")


class RedIsAPerson(nn.Module):
    """Stands in for torchvision's detector: as sure of a person as the image is red, of a cat
    always."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, images: list[Tensor]) -> list[dict[str, Tensor]]:
        """Return scores and labels for images (3, h, w), 0..1."""
        scores = [torch.stack([self.weight[0] * 0 + 0.99, one[0].mean()]) for one in images]
        labels = torch.tensor([17, person_detector.PERSON])
        return [{"scores": one, "labels": labels} for one in scores]


def test_person_detector_flags_images_with_a_sure_person(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(person_detector, "network", RedIsAPerson)
    torch.save(RedIsAPerson().state_dict(), tmp_path / "detector.pth")
    given = Given(read_collection(data), no_network, detector_file=tmp_path / "detector.pth")
    assert np.flatnonzero(person_detector.flag(given)).tolist() == [2, 7]


def test_the_real_detector_gives_what_the_filter_reads(data: Path) -> None:
    torch.manual_seed(0)
    scores = person_detector.person_scores(
        read_collection(data).paths[:1], person_detector.network()
    )
    assert scores.shape == (1,)
    assert 0 <= scores[0] <= 1


class GreenIsAnAnimal(nn.Module):
    """Stands in for the ImageNet network: sure of class 12 where green, else of class 500."""

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (n, 1000) of pixels (n, 3, h, w)."""
        green = pixels[:, 1].mean(dim=(1, 2)) > 0
        logits = torch.zeros(len(pixels), 1000)
        logits[green, 12] = 20
        logits[~green, 500] = 20
        return logits


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(imagenet_classes, "DEFAULT_FOLDER", tmp_path / "features")
    return tmp_path / "features"


@pytest.mark.usefixtures("own_cache")
def test_imagenet_classes_flags_images_without_an_animal_and_remembers(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def counted(network: nn.Module) -> Callable[[Tensor], Tensor]:
        def run(pixels: Tensor) -> Tensor:
            calls.append(len(pixels))
            return torch.as_tensor(network(pixels))

        return run

    monkeypatch.setattr(imagenet_classes, "base_file", lambda name: Path(name))
    monkeypatch.setattr(
        imagenet_classes, "classifier", lambda name, path: counted(GreenIsAnAnimal())
    )
    for _ in range(2):
        flags = imagenet_classes.flag(Given(read_collection(data), no_network))
        assert np.flatnonzero(flags).tolist() == [2, 7]
    assert sum(calls) == 12


@pytest.mark.usefixtures("own_cache")
def test_imagenet_classes_without_the_network(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_registry(*_: object) -> None:
        raise PackageFailed("no network here")

    monkeypatch.setattr(base_network, "BASES", tmp_path / "empty")
    monkeypatch.setattr(base_network, "take", no_registry)
    with pytest.raises(
        FilterUnavailable, match=r"no network here; `make bases` .*--skip imagenet_classes"
    ):
        imagenet_classes.flag(Given(read_collection(data), no_network))
