"""The common part of each `Model` that compares the embeddings of one network."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image
from torch import Tensor, nn

from wildlife_backbone.features import base_path
from wildlife_backbone.networks import with_weights
from wildlife_reid.alignment import AlignedNetwork, read_landmark_network, whole_square
from wildlife_reid.retrieval_model import PreparedImage, RetrievalModel
from wildlife_submission.served_network import ServedNetwork


@dataclass(frozen=True)
class PreparedPixels(PreparedImage):
    """An image as the network takes it: pixels (3, s, s) of `whole_square`."""

    pixels: Tensor


class EmbeddingModel(RetrievalModel[PreparedPixels], ABC):
    """A retrieval model with one network; config.json has its `network` and `weights`."""

    def read_network(self, config: Mapping[str, Any], network: nn.Module) -> ServedNetwork:
        """Return the network with its weights, after the landmark network where settings name one.

        Raises FileNotFoundError; RuntimeError or ValueError for weights of another network.
        """
        self._settings = config["network"]
        landmarks = read_landmark_network(self.folder, self._settings)
        base = base_path(self.folder, self._settings)
        weighted = with_weights(network, self.folder / config["weights"], base)
        return ServedNetwork(AlignedNetwork(weighted, self._settings, landmarks))

    def prepare(self, image: Image.Image, row: Mapping[str, str]) -> PreparedPixels:
        """Read the image into a square; the network brings the animal into one pose."""
        return PreparedPixels(self.dataset_of(row), whole_square(image, self._settings))
