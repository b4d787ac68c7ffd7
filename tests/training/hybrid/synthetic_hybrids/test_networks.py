"""training/hybrid/synthetic_hybrids: networks in the published shapes, and the losses."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.support.synthetic_hybrids import gradient_image, shapes_of, small_vgg
from training.hybrid.synthetic_hybrids import factory_run as runs
from training.hybrid.synthetic_hybrids import lists, losses, networks, warps
from training.hybrid.synthetic_hybrids.weights import WeightsError, read_weights, write_weights

TINY = networks.Widths(ngf=4, ndf=4, n_downsample=2, n_blocks=1)


pytestmark = pytest.mark.usefixtures("one_thread")


# Networks


def published_generator() -> dict[str, tuple[int, ...]]:
    """Every name and shape, spelled from the description of the checkpoint."""
    channels = [64, 128, 256, 512, 1024]
    convolutions: dict[str, tuple[int, ...]] = {"enc_model.1": (64, 6, 7, 7)}
    for index, (inputs, outputs) in zip((4, 7, 10, 13), itertools.pairwise(channels), strict=True):
        convolutions[f"enc_model.{index}"] = (outputs, inputs, 3, 3)
    for block, layer in itertools.product(range(16, 25), (1, 5)):
        convolutions[f"enc_model.{block}.conv_block.{layer}"] = (1024, 1024, 3, 3)
    shapes = {f"{name}.weight": shape for name, shape in convolutions.items()}
    shapes |= {f"{name}.bias": shape[:1] for name, shape in convolutions.items()}
    for decoder in ("ano_model", "msk_model"):
        for index, (inputs, outputs) in zip(
            (0, 3, 6, 9), itertools.pairwise(channels[::-1]), strict=True
        ):
            shapes[f"{decoder}.{index}.weight"] = (inputs, outputs, 3, 3)
            shapes[f"{decoder}.{index}.bias"] = (outputs,)
        shapes |= {f"{decoder}.13.weight": (3, 64, 7, 7), f"{decoder}.13.bias": (3,)}
    return shapes


def published_discriminator() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for scale in (0, 1):
        for layer, (inputs, outputs) in enumerate(itertools.pairwise((9, 64, 128, 256, 512, 1))):
            shapes[f"scale{scale}_layer{layer}.0.weight"] = (outputs, inputs, 4, 4)
            shapes[f"scale{scale}_layer{layer}.0.bias"] = (outputs,)
    return shapes


@pytest.mark.parametrize(
    ("network", "published", "tensors", "parameters"),
    [
        (networks.Generator, published_generator(), 66, 188_729_926),
        (networks.Discriminator, published_discriminator(), 20, 5_541_762),
    ],
)
def test_the_full_networks_have_the_published_names_and_shapes(
    network: type[nn.Module],
    published: dict[str, tuple[int, ...]],
    tensors: int,
    parameters: int,
) -> None:
    with torch.device("meta"):
        shapes = shapes_of(network())
    assert shapes == published
    assert len(shapes) == tensors
    assert sum(math.prod(shape) for shape in shapes.values()) == parameters


def test_networks_map_256_pixels_to_the_published_sizes() -> None:
    narrow = networks.Widths(ngf=1, ndf=1)  # sides do not depend on it
    with torch.inference_mode():
        image, mask = networks.Generator(narrow)(torch.zeros(1, 6, 256, 256))
        scales = networks.Discriminator(narrow.ndf)(torch.zeros(1, 9, 256, 256))
    assert image.shape == mask.shape == (1, 3, 256, 256)
    sides = [[output.shape[-1] for output in scale] for scale in scales]
    assert sides == [[129, 65, 33, 34, 35], [65, 33, 17, 18, 19]]


def test_full_resolution_goes_through_scale1() -> None:
    discriminator = networks.Discriminator(4)
    torch.nn.init.zeros_(discriminator.get_parameter("scale1_layer0.0.weight"))
    full, half = discriminator(torch.rand(1, 9, 32, 32))
    assert full[0].std() < half[0].std()


def test_the_small_preset_is_small_and_keeps_the_size_of_the_image() -> None:
    generator = networks.Generator(runs.SMALL.widths)
    assert sum(value.numel() for value in generator.state_dict().values()) < 200_000
    assert networks.Widths(ngf=12, ndf=8, n_downsample=2, n_blocks=3) == runs.SMALL.widths
    assert shapes_of(generator)["enc_model.10.conv_block.1.weight"] == (48, 48, 3, 3)
    side = runs.SMALL.size
    with torch.inference_mode():
        image, mask = generator(torch.zeros(1, 6, side, side))
    assert image.shape == mask.shape == (1, 3, side, side)
    assert runs.SMALL.problems() == []


def test_the_mask_blends_content_into_the_reference() -> None:
    generator = networks.Generator(TINY)
    inputs = torch.rand(1, 6, 32, 32) * 2 - 1
    image, mask = generator(inputs)
    content = generator.ano_model(generator.enc_model(inputs))
    assert torch.allclose(image, mask * content + (1 - mask) * inputs[:, 3:], atol=1e-6)
    assert mask.min() < 0 < mask.max()


@pytest.mark.parametrize("widths", [TINY, networks.Widths(8, 8, 3, 0)])
def test_a_generator_is_known_from_its_weights(widths: networks.Widths, tmp_path: Path) -> None:
    generator = networks.Generator(widths)
    write_weights(tmp_path / "g.safetensors", generator.state_dict())
    torch.save(generator.state_dict(), tmp_path / "g.pth")
    inputs = torch.rand(1, 6, 32, 32)
    for name in ("g.safetensors", "g.pth"):
        again = networks.generator_from_state(read_weights(tmp_path / name))
        assert torch.equal(again(inputs)[0], generator(inputs)[0])


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(networks.ArchitectureError, match=r"expected keys enc_model"):
        networks.generator_from_state(networks.Discriminator(4).state_dict())
    state = networks.Generator(TINY).state_dict()
    del state["msk_model.0.bias"]
    with pytest.raises(networks.ArchitectureError, match=r"msk_model\.0\.bias"):
        networks.generator_from_state(state)


def test_weights_start_from_a_seeded_normal() -> None:
    first, same, other = (networks.Generator(TINY) for _ in range(3))
    for network, seed in ((first, 1), (same, 1), (other, 2)):
        networks.initialise(network, seed)
    weight = first.get_parameter("enc_model.4.weight")
    assert abs(float(weight.detach().std()) - 0.02) < 0.003
    assert torch.equal(weight, same.get_parameter("enc_model.4.weight"))
    assert not torch.equal(weight, other.get_parameter("enc_model.4.weight"))


# Losses


def test_least_squares_adds_scales_up() -> None:
    outputs = [[torch.zeros(1), torch.full((2, 2), 3.0)], [torch.ones(1)]]
    assert losses.least_squares(outputs, real=True) == 4
    assert losses.least_squares(outputs, real=False) == 10


def test_the_discriminators_loss_is_half_of_both() -> None:
    fake, real = [[torch.full((1,), 2.0)]], [[torch.full((1,), 4.0)]]
    assert losses.discriminator_loss(fake, real) == 0.5 * (4 + 9)


def test_feature_matching_has_the_published_weights() -> None:
    def outputs(value: float) -> list[list[torch.Tensor]]:
        return [[torch.full((2,), value)] * 4 + [torch.full((2,), 100 * value)]] * 2

    # Two scales x four layers x L1 of 1 x 1/2 for the scales x 10; the last output is left out.
    assert losses.feature_matching(outputs(1.0), outputs(2.0)) == 2 * 4 * 0.5 * 10


def test_the_pixel_loss_is_the_mean_over_three_resolutions() -> None:
    fake, real = torch.zeros(2, 3, 8, 8), torch.zeros(2, 3, 8, 8)
    fake[..., ::2] = 1.0  # stripes that are half at every pixel once the image is halved
    assert float(losses.pixel_loss(fake, real)) == pytest.approx(0.5)
    real[..., 1::2] = 1.0  # wrong at full resolution only
    assert float(losses.pixel_loss(fake, real)) == pytest.approx(1 / 3)
    assert losses.pixel_loss(fake, fake) == 0


def test_the_perceptual_loss_weighs_five_slices() -> None:
    features = small_vgg()
    loss = losses.PerceptualLoss(features)
    fake, real = torch.rand(2, 1, 3, 32, 32)
    expected = 0.0
    for end, weight in ((1, 1 / 32), (6, 1 / 16), (11, 1 / 8), (20, 1 / 4), (29, 1)):
        assert isinstance(features[end], torch.nn.ReLU)
        a, b = features[: end + 1](fake), features[: end + 1](real)
        expected += weight * float((a - b).abs().mean().detach())
    assert float(loss(fake, real)) == pytest.approx(10 * expected, rel=1e-5)
    assert loss(real, real) == 0


def test_the_perceptual_loss_moves_the_image_only() -> None:
    loss = losses.PerceptualLoss(small_vgg())
    fake = torch.rand(1, 3, 32, 32, requires_grad=True)
    loss(fake, torch.rand(1, 3, 32, 32)).backward()
    assert fake.grad is not None
    assert fake.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in loss.parameters())


def test_the_real_vgg19_is_sliced_behind_its_first_relus() -> None:
    with torch.device("meta"):
        loss = losses.PerceptualLoss(losses.vgg19_features())
    kinds = ["".join(type(layer).__name__[0] for layer in part.children()) for part in loss.slices]
    assert kinds == ["CR", "CRMCR", "CRMCR", "CRCRCRMCR", "CRCRCRMCR"]
    channels = [[*part.children()][-2].get_parameter("weight").shape[0] for part in loss.slices]
    assert channels == [64, 128, 256, 512, 512]


def test_missing_or_wrong_vgg_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"vgg19\.pth is missing"):
        losses.perceptual_loss(str(tmp_path / "vgg19.pth"))
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"expected torchvision's VGG19"):
        losses.perceptual_loss(str(tmp_path / "other.pth"))


@pytest.mark.slow
def test_unreachable_public_vgg_weights_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    models = pytest.importorskip("torchvision.models")

    def unreachable(*arguments: object, **options: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(models.VGG19_Weights, "get_state_dict", unreachable)
    with pytest.raises(WeightsError, match=r"--vgg FILE or train with --no-perceptual"):
        losses.perceptual_loss(losses.TORCHVISION)


@pytest.mark.slow
def test_a_file_of_torchvisions_vgg19_is_loaded(tmp_path: Path) -> None:
    models = pytest.importorskip("torchvision.models")
    network = models.vgg19(weights=None).eval()
    torch.save(network.state_dict(), tmp_path / "vgg19.pth")
    loss = losses.perceptual_loss(str(tmp_path / "vgg19.pth"))
    x = torch.rand(1, 3, 64, 64)
    expected = network.features[:30](x)
    for layers in loss.slices:
        x = layers(x)
    assert torch.equal(x, expected)


def test_weights_that_would_run_code_are_refused(tmp_path: Path) -> None:
    torch.save({"a": Path("x")}, tmp_path / "code.pth")
    with pytest.raises(WeightsError, match=r"cannot be read as weights"):
        read_weights(tmp_path / "code.pth")


@pytest.mark.slow
def test_the_full_networks_take_a_step_at_256_pixels(tmp_path: Path) -> None:
    pair = lists.Pair("Images/a/train/pidinet_edges/a.png", "Images/a/train/good/a.jpg")
    perceptual = losses.PerceptualLoss(losses.vgg19_features())
    run = runs.Run(tmp_path, runs.Settings(batch=1), [pair], perceptual)
    image = gradient_image(256)
    one = warps.make_example(image, image, 0)
    inputs = torch.cat([one.edge, one.reference])[None]
    found = run.learn(inputs, one.target[None])
    assert set(found) == {"generator", "adversarial", "features", "perceptual", "discriminator"}
    run.save()
    again = networks.generator_from_state(read_weights(tmp_path / "generator.safetensors"))
    assert shapes_of(again) == published_generator()
