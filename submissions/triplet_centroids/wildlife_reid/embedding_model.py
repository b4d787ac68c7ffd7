"""The common part of each `Model` that compares the embeddings of one network."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image
from torch import Tensor

from wildlife_backbone.features import base_path
from wildlife_reid.alignment import network_input, read_landmark_network
from wildlife_reid.networks import Network, with_weights
from wildlife_reid.retrieval_model import PreparedImage, RetrievalModel


@dataclass(frozen=True)
class PreparedPixels(PreparedImage):
    """An image as the network sees it: pixels (3, size, size)."""

    pixels: Tensor


class EmbeddingModel(RetrievalModel[PreparedPixels], ABC):
    """A retrieval model with one network; config.json has its `network` and `weights`."""

    def read_network(self, config: Mapping[str, Any], network: Network) -> Network:
        """Return the network with its weights; read the landmark network where settings name one.

        Raises FileNotFoundError; RuntimeError or ValueError for weights of another network.
        """
        self._settings = config["network"]
        self._landmarks = read_landmark_network(self.folder, self._settings)
        base = base_path(self.folder, self._settings)
        return with_weights(network, self.folder / config["weights"], base)

    def prepare(self, image: Image.Image, row: Mapping[str, str]) -> PreparedPixels:
        """Bring the animal into one pose, and its pixels to what the network expects."""
        pixels = network_input(image, self._settings, self._landmarks)
        return PreparedPixels(self.dataset_of(row), pixels)
