"""Features of a frozen ImageNet network for the filters that learn, kept on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from training.common.base_network import LITE, base_file
from training.common.cache import DEFAULT_FOLDER, FeatureCache
from training.family.collection import Collection
from training.family.filters.frame import Features
from training.family.filters.pixels import BATCH, batches
from wildlife_backbone.backbone import HEAD, Backbone, pooled
from wildlife_backbone.published import architecture

NETWORK = "lite0"


def network_features(collection: Collection) -> Features:
    """Return the mean of the last layer for each image, (n, 1280). Raises TrainingError."""
    side = architecture(NETWORK).image_size
    cache = FeatureCache(DEFAULT_FOLDER, LITE[NETWORK].sha256, f"filters: square {side}, stage 7")
    network = Backbone(NETWORK, [HEAD]).eval()
    network.read_published(base_file(NETWORK))

    def compute(paths: list[Path]) -> Features:
        with torch.inference_mode():
            return np.concatenate([pooled(network(one)).numpy() for one in batches(paths, side)])

    return cache.features(collection.paths, compute, BATCH)
