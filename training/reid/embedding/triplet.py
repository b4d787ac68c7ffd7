"""The network of `triplet_centroids`: its presets, its weights at the start, its embeddings."""

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
from training.reid.embedding.recipe import TRIPLETS, Recipe, all_finite
from wildlife_image.square import normalised
from wildlife_reid.triplet import TripletNetwork, embed

# Published: backbones, 128 numbers, margin, Adam and its learning rate, turns by 90 degrees,
# batch-hard triplets. Not in the paper, chosen here: batch (M classes x K images), epochs,
# augmentation strength.
_PUBLISHED = Recipe(
    backbone="resnet50",
    image_size=224,
    pretrained=True,
    loss=TRIPLETS,
    normalisation="imagenet",
    learning_rate=1e-4,
    variation=Variation(mirrored=False, rotated=True),
)
_SMALL = replace(
    _PUBLISHED,
    backbone="test_resnet.r160_in1k",
    image_size=96,
    pretrained=False,
    normalisation="half",
    learning_rate=2e-3,
    weight_decay=1e-3,
    epochs=24,
    variation=Variation(),
)
# For animals in one pose (--landmarks), where the places of a map are places on the animal; with
# some hundreds of other individuals (--more), the published loss and margin learn from scratch.
_ALIGNED = replace(
    _SMALL,
    image_size=64,
    stage=2,
    weight_decay=5e-2,
    epochs=10,
    steps=80,
    variation=IN_ONE_POSE,
)
# The published recipe with ImageNet weights that a package ships, for photographs.
_IMAGENET = replace(
    _PUBLISHED,
    backbone="",
    base=BaseFeatures("lite0", (2, 4), (1, 1), tuned=3),
    image_size=128,
    pretrained=False,
    normalisation="half",
    learning_rate=1e-3,
    epochs=6,
    steps=20,
    variation=Variation(),
)
PRESETS = {
    "imagenet": _IMAGENET,
    "base": _PUBLISHED,
    "extended": replace(_PUBLISHED, backbone="efficientnet_b1", image_size=240),
    "small-base": _SMALL,
    "small-extended": replace(_SMALL, backbone="test_efficientnet.r160_in1k"),
    "aligned-base": _ALIGNED,
    "aligned-extended": replace(_ALIGNED, backbone="test_efficientnet.r160_in1k"),
}
SMALL = "small-extended"  # of the two for whole images


def build(recipe: Recipe) -> tuple[TripletNetwork, dict[str, Any]]:
    """Build the network to train, and its settings for config.json. Raises TrainingError."""
    torch.manual_seed(recipe.seed)
    if recipe.base is not None:
        settings = _input_settings(recipe) | {"base": recipe.base.settings()}
        network = TripletNetwork(settings)
        start_from_base(network, recipe.base)
        return network, settings
    whole = {} if recipe.stage is None else {"features_only": True, "out_indices": (recipe.stage,)}
    backbone = create_backbone(recipe.backbone, recipe.pretrained, **whole)
    settings = network_settings(recipe, backbone)
    network = TripletNetwork(settings)
    network.backbone.load_state_dict(backbone.state_dict())
    return network, settings


def network_settings(recipe: Recipe, backbone: nn.Module) -> dict[str, Any]:
    """The network as the submission's config.json describes it, without the name of a hub."""
    return {
        "architecture": architecture_of(backbone, recipe.backbone),
        "arguments": {},
        **_input_settings(recipe),
        **({} if recipe.stage is None else {"stage": recipe.stage}),
    }


def _input_settings(recipe: Recipe) -> dict[str, Any]:
    size = {"width": recipe.width, "image_size": recipe.image_size}
    return {**size, **recipe.input_settings()}


def embed_squares(
    network: nn.Module, squares: Tensor, settings: Mapping[str, Any]
) -> NDArray[np.floating]:
    """Embed squares (n, 3, s, s) as the submission does: (n, width).

    Raises DataError where an embedding is not finite.
    """
    network.eval()
    rows = [embed(network, normalised(square, settings)).numpy() for square in squares]
    return all_finite(np.stack(rows))
