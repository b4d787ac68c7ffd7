"""Edge images: dark lines on white, from PiDiNet where its weights are given, else from Sobel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import kornia
import torch
from PIL import Image
from torch import Tensor

from training.hybrid.synthetic_hybrids.images import to_tensor
from training.hybrid.synthetic_hybrids.pidinet import PiDiNet
from training.hybrid.synthetic_hybrids.weights import WeightsError, read_weights

Detector = Callable[[Image.Image], Image.Image]

_IMAGENET_MEAN = (0.485, 0.456, 0.406)  # PiDiNet was trained with these
_IMAGENET_STD = (0.229, 0.224, 0.225)
_BORDER = 2  # pixels at the rim that are set to white: networks and filters draw the frame there
_FULL_BLACK = 0.98  # quantile of the gradient that becomes a black line
_LEAST = 0.02  # gradient that counts as a full line in an image without a clear one
_FAINT = 0.15  # of that: weaker gradients are noise and stay white


def sobel_edges(image: Image.Image) -> Image.Image:
    """Return the gradient of a lightly blurred image, in any colour channel; the same size."""
    blurred = kornia.filters.gaussian_blur2d(_tensor(image), (5, 5), (1.0, 1.0))
    gradient = kornia.filters.sobel(blurred).amax(1, keepdim=True)
    full = torch.quantile(gradient.flatten()[:: max(1, gradient.numel() // 2**20)], _FULL_BLACK)
    strength = (gradient / full.clamp_min(_LEAST)).clamp(0, 1)
    return _dark_on_white(((strength - _FAINT) / (1 - _FAINT)).clamp(0, 1)[0, 0])


def pidinet_edges(weights: Path) -> Detector:
    """Return a detector with published PiDiNet `carv4` weights (table5). Raises WeightsError."""
    network = PiDiNet().eval()
    try:
        network.load_state_dict(read_weights(weights))
    except RuntimeError as error:
        raise WeightsError(f"{weights}: expected a PiDiNet carv4: {error}") from error
    mean, std = (
        torch.tensor(values).view(1, 3, 1, 1) for values in (_IMAGENET_MEAN, _IMAGENET_STD)
    )

    @torch.inference_mode()
    def detect(image: Image.Image) -> Image.Image:
        return _dark_on_white(network((_tensor(image) - mean) / std)[-1][0, 0])

    return detect


def _tensor(image: Image.Image) -> Tensor:
    """(1, 3, h, w) in 0..1."""
    return (to_tensor(image.convert("RGB"))[None] + 1) / 2


def _dark_on_white(strength: Tensor) -> Image.Image:
    white = 1 - strength
    inner = torch.ones_like(white)
    inner[_BORDER:-_BORDER, _BORDER:-_BORDER] = white[_BORDER:-_BORDER, _BORDER:-_BORDER]
    return Image.fromarray((inner * 255).round().to(torch.uint8).numpy())
