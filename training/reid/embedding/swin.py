"""The network of `megadescriptor_cosine`: published weights, or a small Swin trained here.

Published are ArcFace and its margin. From random weights, with 200 individuals, ArcFace does not
begin to learn, so the presets that train here use the supervised contrastive loss, which compares
all pairs of a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.common.backbones import architecture_of, create_backbone
from training.reid.embedding.base import BaseFeatures, start_from_base
from training.reid.embedding.batches import IN_ONE_POSE, Variation
from training.reid.embedding.recipe import ARCFACE, CONTRASTIVE, Recipe, all_finite
from wildlife_image.square import normalised
from wildlife_reid.swin import describe, swin_descriptor


def _published(backbone: str) -> Recipe:
    return Recipe(
        backbone=backbone,
        image_size=0,
        pretrained=True,
        loss=ARCFACE,
        normalisation="imagenet",
        licence="CC-BY-NC-4.0",
        epochs=0,
    )


_SMALL = Recipe(
    backbone="swin_tiny_patch4_window7_224",
    image_size=64,
    loss=CONTRASTIVE,
    normalisation="half",
    arguments={
        "img_size": 64,
        "patch_size": 4,
        "embed_dim": 32,
        "depths": [2, 2, 2],
        "num_heads": [2, 4, 8],
        "window_size": 4,
    },
    weight_decay=0.05,
    epochs=16,
    variation=Variation(turn=25, shift=0.1, zoom=(0.85, 1.35), jitter=0.4, grey=0.3),
)
# The contrastive loss on features of ImageNet weights that a package ships, for photographs.
_IMAGENET = replace(
    _SMALL,
    backbone="",
    arguments={},
    base=BaseFeatures("lite0", (2, 4), (1, 1), tuned=3),
    image_size=128,
    learning_rate=1e-3,
    epochs=6,
    steps=20,
)
PRESETS = {
    "imagenet": _IMAGENET,
    # Published: L-384 and its use as it is. T-224 is the smallest of the family.
    "full": _published("hf-hub:BVRA/MegaDescriptor-L-384"),
    "full-tiny": _published("hf-hub:BVRA/MegaDescriptor-T-224"),
    "small": _SMALL,
    # For animals in one pose (--landmarks): all places of the last map instead of their mean.
    "aligned": replace(
        _SMALL,
        arguments={**_SMALL.arguments, "embed_dim": 16, "global_pool": ""},
        epochs=10,
        steps=100,
        variation=IN_ONE_POSE,
    ),
}


def build(recipe: Recipe) -> tuple[nn.Module, dict[str, Any]]:
    """Build the network, and its settings for config.json. Raises TrainingError."""
    torch.manual_seed(recipe.seed)
    if recipe.base is not None:
        size = {"image_size": recipe.image_size}
        settings = {**size, **recipe.input_settings(), "base": recipe.base.settings()}
        network = swin_descriptor(settings)
        start_from_base(network, recipe.base)
        return network, settings
    network = create_backbone(recipe.backbone, recipe.pretrained, **recipe.arguments)
    own = dict(getattr(network, "pretrained_cfg", {})).get("input_size", (3, 224, 224))
    settings = {
        "architecture": architecture_of(network, recipe.backbone),
        "arguments": recipe.arguments,
        "image_size": recipe.image_size or int(own[-1]),
        **recipe.input_settings(),
    }
    return network, settings


def embed_squares(
    network: nn.Module, squares: Tensor, settings: Mapping[str, Any]
) -> NDArray[np.floating]:
    """Embed squares (n, 3, s, s) as the submission does: (n, d) of length 1, single precision.

    Half precision would not do for the gallery: cosines of a weak network differ in the fourth
    decimal. Raises DataError where an embedding is not finite.
    """
    network.eval()
    rows = [describe(network, normalised(square, settings)).numpy() for square in squares]
    return all_finite(np.stack(rows).astype(np.float32))
