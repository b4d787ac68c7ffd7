"""Losses of generator and discriminator: least squares, feature matching, perceptual, pixels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.hybrid.synthetic_hybrids.weights import WeightsError, read_weights

FEATURE_WEIGHT = 10.0
PERCEPTUAL_WEIGHT = 10.0
SLICE_ENDS = (2, 7, 12, 21, 30)  # behind relu1_1, relu2_1, relu3_1, relu4_1, relu5_1
SLICE_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
_PIXEL_SCALES = 3
_VGG19 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512)
TORCHVISION = "torchvision"  # in place of a path: the public ImageNet weights

Outputs = Sequence[Sequence[Tensor]]


def least_squares(outputs: Outputs, *, real: bool) -> Tensor:
    """Return the mean squared distance of each scale's last output from 1 (real) or 0, summed."""
    losses = [((scale[-1] - float(real)) ** 2).mean() for scale in outputs]
    return torch.stack(losses).sum()


def discriminator_loss(fake: Outputs, real: Outputs) -> Tensor:
    """Return half of both least-squares losses; `fake` must come from a detached image."""
    return 0.5 * (least_squares(fake, real=False) + least_squares(real, real=True))


def feature_matching(fake: Outputs, real: Outputs) -> Tensor:
    """Return the L1 between the discriminator's inner outputs, averaged over scales, times 10.

    The published layer weight 4 / (n_layers + 1) is 1 for three layers.
    """
    losses = [
        functional.l1_loss(f, r.detach())
        for fake_scale, real_scale in zip(fake, real, strict=True)
        for f, r in zip(fake_scale[:-1], real_scale[:-1], strict=True)
    ]
    return torch.stack(losses).sum() / len(fake) * FEATURE_WEIGHT


def pixel_loss(fake: Tensor, real: Tensor) -> Tensor:
    """Return the L1 between images (n, 3, s, s) at full, half and quarter size, averaged.

    Not published: without a VGG19 that compares contents, and with a narrow discriminator and a few
    hundred steps only, this loss tells the generator which colours belong where.
    """
    losses = []
    for _ in range(_PIXEL_SCALES):
        losses.append(functional.l1_loss(fake, real))
        fake, real = functional.avg_pool2d(fake, 2), functional.avg_pool2d(real, 2)
    return torch.stack(losses).mean()


class PerceptualLoss(nn.Module):
    """Weighted L1 between five slices of a VGG19's features, times 10.

    As published, images go in as they are, in [-1, 1], without ImageNet's mean and std.
    """

    def __init__(self, features: nn.Sequential) -> None:
        super().__init__()
        starts = (0, *SLICE_ENDS[:-1])
        self.slices = nn.ModuleList(
            features[start:end] for start, end in zip(starts, SLICE_ENDS, strict=True)
        )
        self.requires_grad_(False)
        self.eval()

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        losses = []
        for layers, weight in zip(self.slices, SLICE_WEIGHTS, strict=True):
            fake, real = layers(fake), layers(real).detach()
            losses.append(weight * functional.l1_loss(fake, real))
        return torch.stack(losses).sum() * PERCEPTUAL_WEIGHT


def vgg19_features(widths: Sequence[int] = _VGG19) -> nn.Sequential:
    """Return VGG19's convolutions up to relu5_1, numbered as torchvision's; width 0: a pooling."""
    layers: list[nn.Module] = []
    channels = 3
    for width in widths:
        if width:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
        else:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


def perceptual_loss(source: str) -> PerceptualLoss:
    """Read VGG19 weights from a file (torchvision's layout), or "torchvision": its public ones.

    Raises WeightsError.
    """
    state = _public_weights() if source == TORCHVISION else read_weights(Path(source))
    with torch.device("meta"):
        features = vgg19_features()
    own = {
        name: state[f"features.{name}"]
        for name in features.state_dict()
        if f"features.{name}" in state
    }
    try:
        features.load_state_dict(own, assign=True)
    except RuntimeError as error:
        raise WeightsError(
            f"{source}: expected torchvision's VGG19 (features.0.weight ...): {error}"
        ) from error
    return PerceptualLoss(features)


def _public_weights() -> dict[str, Tensor]:
    from torchvision.models import VGG19_Weights

    try:
        return dict(VGG19_Weights.IMAGENET1K_V1.get_state_dict(check_hash=True))
    except (OSError, RuntimeError) as error:  # URLError is an OSError; a wrong hash the other
        raise WeightsError(
            f"torchvision's public VGG19 weights cannot be had ({error}); "
            "give a file with --vgg FILE or train with --no-perceptual"
        ) from error
