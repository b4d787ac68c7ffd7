"""Find images in which an ImageNet network sees no animal.

Classes 0 to 397 of ImageNet-1k are animals. The published project tried this filter and rejected
it: a network that has never seen a family calls its animals objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from training.common.base_network import LITE, base_file
from training.common.cache import DEFAULT_FOLDER, FeatureCache
from training.common.errors import TrainingError
from training.family.filters.frame import Features, FilterUnavailable, Flags, Given
from training.family.filters.pixels import BATCH, batches
from wildlife_backbone.backbone import classifier
from wildlife_backbone.published import architecture

ANIMALS = 398
LEAST = 0.1  # summed probability of all animals
NETWORK = "lite0"


def animal_probability(paths: Sequence[Path]) -> NDArray[np.float64]:
    """Return the probability that each image shows any animal, (n,); kept in the cache.

    Raises DataError for unreadable images, TrainingError where the network is not there.
    """
    network = classifier(NETWORK, base_file(NETWORK))
    side = architecture(NETWORK).image_size
    cache = FeatureCache(DEFAULT_FOLDER, LITE[NETWORK].sha256, f"filters: square {side}, animals")

    def compute(some: list[Path]) -> Features:
        with torch.inference_mode():
            found = [network(one).softmax(dim=1)[:, :ANIMALS] for one in batches(some, side)]
            return np.asarray(torch.cat(found).sum(dim=1, keepdim=True).numpy())

    return np.asarray(cache.features(paths, compute, BATCH)[:, 0], dtype=np.float64)


def missing(_: Given) -> str:
    """Return that the network cannot be had, and what to do; "" where it is there."""
    try:
        base_file(NETWORK)
    except TrainingError as error:
        return (
            f"imagenet_classes: {error}; `make bases` gets it; or leave the filter out with "
            "--skip imagenet_classes"
        )
    return ""


def flag(given: Given) -> Flags:
    """Flag images in which the network sees no animal. Raises FilterUnavailable."""
    if why := missing(given):
        raise FilterUnavailable(why)
    return np.asarray(animal_probability(given.collection.paths) < LEAST)
