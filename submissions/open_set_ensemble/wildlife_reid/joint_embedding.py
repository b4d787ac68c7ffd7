"""One embedding of two networks: that of `triplet_centroids` and that of `megadescriptor_cosine`.

They err on different images. The second one's many numbers are brought onto their principal
components, so that the gallery stays small; both count the same, so the cosine of the joint
embedding is the mean of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from wildlife_backbone.features import base_path
from wildlife_backbone.networks import with_weights
from wildlife_reid.alignment import AlignedNetwork, read_landmark_network, whole_square
from wildlife_reid.swin import describe, swin_descriptor, unit_rows
from wildlife_reid.triplet import TripletNetwork, embed
from wildlife_submission.served_network import ServedNetwork

Array = NDArray[np.float64]
TRIPLET, SWIN = "triplet", "swin"
KINDS = {TRIPLET: (TripletNetwork, embed), SWIN: (swin_descriptor, describe)}


@dataclass(frozen=True)
class Components:
    """mean (d,) and axes (d, k) of the principal components of embeddings."""

    mean: Array
    axes: Array

    def __call__(self, vectors: Array) -> Array:
        """Project (..., d) to (..., k) of length 1."""
        projected = (vectors - self.mean) @ self.axes
        length = np.linalg.norm(projected, axis=-1, keepdims=True)
        return np.asarray(projected / np.maximum(length, 1e-9))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the arrays of the gallery's file, in half precision."""
        half = np.float16
        return {
            "components.mean": self.mean.astype(half), "components.axes": self.axes.astype(half)
        }  # fmt: skip


def components_of(arrays: Mapping[str, NDArray[np.generic]]) -> Components:
    """Read the components from the gallery's arrays.

    Raises KeyError for a missing array, ValueError for other shapes.
    """
    mean, axes = arrays["components.mean"], arrays["components.axes"]
    if mean.ndim != 1 or axes.ndim != 2 or len(mean) != len(axes):
        raise ValueError(f"components.mean is {mean.shape}, components.axes {axes.shape}")
    return Components(mean.astype(np.float64), axes.astype(np.float64))


def joined(triplet: Array, swin: Array, components: Components) -> Array:
    """Join (..., a) and (..., d) to (..., a + k) of length 1; values that are not finite are 0."""
    parts = [np.nan_to_num(triplet), components(np.nan_to_num(swin))]
    return np.asarray(np.concatenate(parts, axis=-1) / np.sqrt(2))


class JointEmbedding:
    """`pixels` in threads, then `embed`."""

    def __init__(
        self, networks: Mapping[str, Mapping[str, Any]], folder: Path, components: Components
    ) -> None:
        """networks: for both KINDS `settings` and the path of `weights` in `folder`.

        Raises RuntimeError where a file is of another network, OSError if it is not there.
        """
        self._settings = [networks[kind]["settings"] for kind in KINDS]
        self._networks = []
        for (kind, (build, _)), settings in zip(KINDS.items(), self._settings, strict=True):
            path, base = folder / networks[kind]["weights"], base_path(folder, settings)
            network = with_weights(build(settings), path, base)
            landmarks = read_landmark_network(folder, settings)
            self._networks.append(ServedNetwork(AlignedNetwork(network, settings, landmarks)))
        self._components = components

    @property
    def sizes(self) -> list[int]:
        """Return the pixels of the square that each network sees."""
        return [int(settings["image_size"]) for settings in self._settings]

    def pixels(self, rgb: Image.Image) -> list[Tensor]:
        """Return (3, s, s) of `whole_square` for each network."""
        return [whole_square(rgb, settings) for settings in self._settings]

    def embed(self, pixels: Sequence[list[Tensor]]) -> Array:
        """Return (n, a + k) of `joined` for the pixels of n images."""
        triplet, swin = (
            network(inputs)
            for network, inputs in zip(self._networks, zip(*pixels, strict=True), strict=True)
        )
        vectors = [triplet.double().numpy(), unit_rows(swin).numpy()]
        return joined(vectors[0], vectors[1], self._components)
