"""wildlife_backbone: the published names, stages, real weights, and files that do not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from sklearn.datasets import load_sample_image
from torch import nn

from tests.support.base_networks import draw_base
from training.common.base_network import BASES, LITE
from wildlife_backbone.backbone import REDUCTION, Backbone, classifier, pooled
from wildlife_backbone.features import StageFeatures, read_base
from wildlife_backbone.published import ARCHITECTURES, architecture, published_weights, timm_names
from wildlife_backbone.tuned import read_tuned

# ImageNet classes of a photograph of a dahlia, best first. 985: daisy, 309: bee, 599: honeycomb;
# the two larger networks see the flower's cells, and are right on animals.
FLOWER = {
    "lite0": [985, 947, 309, 108, 310],
    "lite1": [599, 947, 470, 996, 716],
    "lite2": [599, 310, 309, 957, 619],
}
SETTINGS = {"base": {"name": "lite0", "weights": "base.pth", "stages": [1, 2], "grid": [2, 3]}}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_base(tmp_path_factory.mktemp("base") / "base.pth")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_each_tensor_has_one_published_name(name: str) -> None:
    network = timm.create_model(architecture(name).timm, pretrained=False)
    names = timm_names(name)
    assert sorted(names.values()) == sorted(network.state_dict())


def centre(image: Image.Image, size: int) -> torch.Tensor:
    """The centre of an image as a network of ImageNet sees it: (1, 3, size, size)."""
    scale = round(size / 0.875) / min(image.size)
    width, height = (round(side * scale) for side in image.size)
    resized = image.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - size) // 2, (height - size) // 2
    array = np.asarray(resized.crop((left, top, left + size, top + size))) / 255
    return torch.from_numpy(array).float().permute(2, 0, 1)[None] * 2 - 1


@pytest.mark.parametrize("name", FLOWER)
def test_the_published_weights_say_what_they_said(name: str) -> None:
    path = BASES / Path(LITE[name].path).name
    if not path.is_file():
        pytest.skip(f"{path} is not here: `make bases` gets it")
    pixels = centre(Image.fromarray(load_sample_image("flower.jpg")), architecture(name).image_size)
    with torch.inference_mode():
        best = classifier(name, path)(pixels).topk(5).indices[0].tolist()
    assert best == FLOWER[name]


def test_maps_are_those_of_timm(base: Path) -> None:
    stages = (1, 4, 7)
    network = Backbone("lite0", stages)
    network.read_published(base)
    whole: Any = classifier("lite0", base)
    pixels = torch.rand(2, 3, 64, 96) * 2 - 1
    with torch.inference_mode():
        maps = network.eval()(pixels)
        expected = whole.forward_features(pixels)
    torch.testing.assert_close(maps[-1], expected, rtol=1e-4, atol=1e-5)
    for stage, channels, one in zip(stages, network.channels, maps, strict=True):
        shape = (2, channels, 64 // REDUCTION[stage], 96 // REDUCTION[stage])
        assert tuple(one.shape) == shape


def test_a_network_ends_at_its_last_stage() -> None:
    small, large = Backbone("lite0", (4,)), Backbone("lite0", (7,))
    count = [sum(one.numel() for one in net.parameters()) for net in (small, large)]
    assert 0.6e6 < count[0] < 1e6 < 3e6 < count[1] < 4e6
    assert not any(name.startswith("blocks.5") for name in small.state_dict())


def test_pooled_by_hand() -> None:
    one = torch.arange(8.0).view(1, 1, 2, 4)
    assert pooled([one]).tolist() == [[3.5]]
    assert pooled([one, one + 1], (1, 2)).tolist() == [[2.5, 4.5, 3.5, 5.5]]


@pytest.mark.parametrize("stages", [(), (8,), (-1, 2)])
def test_a_wrong_stage_is_said(stages: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected stages of 0 to 7"):
        Backbone("lite0", stages)


def test_an_unknown_base_is_said() -> None:
    with pytest.raises(ValueError, match=r"no base network 'b0'; there are lite0, lite1, lite2"):
        Backbone("b0", (1,))


def test_files_that_do_not_fit_are_said(base: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="kit weights fetch"):
        published_weights("lite0", tmp_path / "none.pth")
    with pytest.raises(ValueError, match=r"Lite1: \d+ missing, such as _blocks"):
        published_weights("lite1", base)
    (tmp_path / "half.pth").write_bytes(base.read_bytes()[:5000])
    with pytest.raises(ValueError, match="cannot be read as weights"):
        published_weights("lite0", tmp_path / "half.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ValueError, match="found a list"):
        published_weights("lite0", tmp_path / "list.pth")


def served(base: Path) -> tuple[nn.Module, set[str]]:
    network = StageFeatures(SETTINGS)
    return network, read_base(network, base)


def test_only_what_changed_is_read(base: Path, tmp_path: Path) -> None:
    network, names = served(base)
    neck = {"neck.running_mean": torch.ones(384), "neck.running_var": torch.full((384,), 2.0)}
    bias = torch.full((16,), 0.5)
    save_file({**neck, "backbone.blocks.0.0.bn2.bias": bias}, tmp_path / "t.safetensors")
    read_tuned(network, tmp_path / "t.safetensors", names)
    state, published = network.state_dict(), published_weights("lite0", base)
    assert torch.equal(state["backbone.blocks.0.0.bn2.bias"], bias)
    assert torch.equal(state["neck.running_mean"], neck["neck.running_mean"])
    assert torch.equal(state["backbone.conv_stem.weight"], published["conv_stem.weight"])


def test_all_that_does_not_fit_is_said_at_once(base: Path, tmp_path: Path) -> None:
    network, names = served(base)
    wrong = {
        "neck.running_mean": torch.ones(12),
        "neck.running_var": torch.full((384,), float("inf")),
        "backbone.blocks.9.weight": torch.ones(1),
    }
    save_file(wrong, tmp_path / "t.safetensors")
    with pytest.raises(ValueError, match="does not fit") as error:
        read_tuned(network, tmp_path / "t.safetensors", names)
    for part in (
        "neck.running_mean: expected shape (384,), found (12,)",
        "neck.running_var: a value is not finite",
        "backbone.blocks.9.weight: the network has no such tensor",
    ):
        assert part in str(error.value)
    save_file({"neck.running_mean": torch.ones(384)}, tmp_path / "u.safetensors")
    with pytest.raises(ValueError, match=r"neck\.running_var: missing"):
        read_tuned(network, tmp_path / "u.safetensors", names)
