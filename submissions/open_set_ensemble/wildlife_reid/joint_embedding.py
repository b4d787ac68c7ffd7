"""One embedding of two networks: that of `triplet_centroids` and that of `megadescriptor_cosine`.

They err on different images. The second one's many numbers are brought onto their principal
components, so that the gallery stays small; both count the same, so the cosine of the joint
embedding is the mean of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, from_numpy

from wildlife_backbone.features import base_path
from wildlife_image.square import normalised
from wildlife_reid.alignment import animal_square, read_landmark_network
from wildlife_reid.networks import with_weights
from wildlife_reid.swin import describe, swin_descriptor
from wildlife_reid.triplet import TripletNetwork, embed

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
        self._landmarks = [read_landmark_network(folder, settings) for settings in self._settings]
        self._networks = []
        for kind, (build, _) in KINDS.items():
            settings = networks[kind]["settings"]
            path, base = folder / networks[kind]["weights"], base_path(folder, settings)
            self._networks.append(with_weights(build(settings), path, base))
        self._components = components

    @property
    def sizes(self) -> list[int]:
        """Return the pixels of the square that each network sees."""
        return [int(settings["image_size"]) for settings in self._settings]

    def pixels(self, rgb: Image.Image) -> list[Tensor]:
        """Return (3, size, size) for each network.

        The animal is located once where the sizes agree.
        """
        squares: dict[tuple[int, object], NDArray[np.uint8]] = {}
        inputs = []
        for settings, landmarks in zip(self._settings, self._landmarks, strict=True):
            key = (int(settings["image_size"]), settings.get("landmarks"))
            if key not in squares:
                squares[key] = animal_square(rgb, key[0], landmarks)
            inputs.append(normalised(from_numpy(squares[key]).permute(2, 0, 1), settings))
        return inputs

    def embed(self, pixels: list[Tensor]) -> Array:
        """Return (a + k,) of `joined` for one image's pixels."""
        vectors = [
            describe_by(network, image).double().numpy()
            for (_, describe_by), network, image in zip(
                KINDS.values(), self._networks, pixels, strict=True
            )
        ]
        return joined(vectors[0], vectors[1], self._components)
