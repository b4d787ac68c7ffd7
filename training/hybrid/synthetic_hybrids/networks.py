"""Generator (one encoder, two decoders) and two-scale PatchGAN discriminator.

Names and shapes are those of the published checkpoints, so that these load.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.common.errors import ScriptError

_IN_CHANNELS = 6  # edge RGB and reference RGB
_SCALES = 2
_LAYERS = 3  # of a PatchGAN discriminator, besides its two last


class ArchitectureError(ScriptError):
    """Weights do not belong to a network of this family."""


@dataclass(frozen=True)
class Widths:
    """Sizes of both networks; the defaults are the published ones."""

    ngf: int = 64  # channels after the generator's first convolution
    ndf: int = 64
    n_downsample: int = 4
    n_blocks: int = 9

    def problem_with(self, size: int) -> str | None:
        """Return the problem with images of `size` pixels a side, or None."""
        step = 2**self.n_downsample
        if size % step or size < 2 * step:
            return f"image side {size}: expected a multiple of {step}, at least {2 * step}"
        return None


class ResnetBlock(nn.Module):
    """x + (conv, norm, ReLU, conv, norm)(x), the same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.as_tensor(self.conv_block(x))


def _encoder(widths: Widths) -> nn.Sequential:
    channels = widths.ngf
    layers: list[nn.Module] = [
        nn.ReflectionPad2d(3),
        nn.Conv2d(_IN_CHANNELS, channels, 7),
        nn.InstanceNorm2d(channels),
        nn.ReLU(inplace=True),
    ]
    for _ in range(widths.n_downsample):
        layers += [
            nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1),
            nn.InstanceNorm2d(2 * channels),
            nn.ReLU(inplace=True),
        ]
        channels *= 2
    return nn.Sequential(*layers, *(ResnetBlock(channels) for _ in range(widths.n_blocks)))


def _decoder(widths: Widths) -> nn.Sequential:
    channels = widths.ngf * 2**widths.n_downsample
    layers: list[nn.Module] = []
    for _ in range(widths.n_downsample):
        layers += [
            nn.ConvTranspose2d(channels, channels // 2, 3, stride=2, padding=1, output_padding=1),
            nn.InstanceNorm2d(channels // 2),
            nn.ReLU(inplace=True),
        ]
        channels //= 2
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(channels, 3, 7), nn.Tanh())


class Generator(nn.Module):
    """Paints a reference's appearance onto the structure of an edge image.

    Two decoders share one encoder: `ano_model` paints new content, `msk_model` says, for each
    pixel and channel between -1 and 1, how far it replaces the reference.
    """

    def __init__(self, widths: Widths | None = None) -> None:
        super().__init__()
        widths = widths or Widths()
        self.enc_model = _encoder(widths)
        self.ano_model = _decoder(widths)
        self.msk_model = _decoder(widths)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map edge and reference (n, 6, s, s) in [-1, 1] to (image, mask), both (n, 3, s, s).

        The image is m*a + (1-m)*reference and may leave [-1, 1] a little.
        """
        code = self.enc_model(x)
        mask = torch.as_tensor(self.msk_model(code))
        content = torch.as_tensor(self.ano_model(code))
        return mask * content + (1 - mask) * x[:, -3:], mask


class Discriminator(nn.Module):
    """Judges patches of (edge, reference, image) on two scales."""

    def __init__(self, ndf: int = 64) -> None:
        super().__init__()
        for scale in range(_SCALES):
            for index, layer in enumerate(_patch_layers(ndf)):
                self.add_module(f"scale{scale}_layer{index}", layer)
        self.halve = nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        """Map (n, 9, s, s) to the outputs of five layers on full, then on half resolution."""
        outputs = []
        for scale in reversed(range(_SCALES)):
            features, here = [], x
            for index in range(_LAYERS + 2):
                here = getattr(self, f"scale{scale}_layer{index}")(here)
                features.append(here)
            outputs.append(features)
            x = self.halve(x)
        return outputs


def _patch_layers(ndf: int) -> list[nn.Sequential]:
    channels = [_IN_CHANNELS + 3, *(ndf * 2**i for i in range(_LAYERS + 1)), 1]
    layers = []
    for index in range(_LAYERS + 2):
        stride = 2 if index < _LAYERS else 1
        parts: list[nn.Module] = [
            nn.Conv2d(channels[index], channels[index + 1], 4, stride=stride, padding=2)
        ]
        if 0 < index <= _LAYERS:
            parts.append(nn.InstanceNorm2d(channels[index + 1]))
        if index <= _LAYERS:
            parts.append(nn.LeakyReLU(0.2, inplace=True))
        layers.append(nn.Sequential(*parts))
    return layers


def initialise(network: nn.Module, seed: int) -> None:
    """Draw convolution weights from N(0, 0.02), biases 0; the same for the same seed."""
    source = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02, generator=source)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def generator_from_state(state: Mapping[str, Tensor]) -> Generator:
    """Return a generator of the sizes that these weights show, holding them.

    Raises ArchitectureError where they are not a generator's.
    """
    first = state.get("enc_model.1.weight")
    downs = sum(k.startswith("ano_model.") and k.endswith(".weight") for k in state) - 1
    blocks = sum(k.startswith("enc_model.") and k.endswith(".conv_block.1.weight") for k in state)
    if first is None or downs < 1:
        some = ", ".join(list(state)[:3]) or "none"
        raise ArchitectureError(
            f"expected keys enc_model.*, ano_model.*, msk_model.* of a generator, found {some} ..."
        )
    widths = Widths(ngf=first.shape[0], n_downsample=downs, n_blocks=blocks)
    with torch.device("meta"):
        generator = Generator(widths)
    try:
        generator.load_state_dict(state, assign=True)
    except RuntimeError as error:
        raise ArchitectureError(f"a generator of {widths} does not take them: {error}") from error
    return generator
