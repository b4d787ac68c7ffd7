"""The two networks of `open_set_ensemble`: their files, and the gallery's joint embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from training.common.errors import DataError
from training.reid.database import Database
from training.reid.embedding.descriptors import descriptor_files, embed, read_descriptor
from training.reid.images import ServedImages
from training.reid.landmarks.files import LANDMARKS
from wildlife_reid.joint_embedding import KINDS, SWIN, TRIPLET, Components, joined

COMPONENTS = 64  # of the embedding that has more numbers


@dataclass(frozen=True)
class Networks:
    """The gallery's joint embeddings (n, d), and what the submission's files hold of the networks.

    components: as the gallery's file keeps them; config: the part `networks` of config.json;
    contents and origins: the copied files, and their licences and sources.
    """

    embeddings: NDArray[np.float16]
    components: Components
    config: dict[str, dict[str, Any]]
    contents: dict[str, bytes]
    origins: dict[str, dict[str, str]]


def network_sizes(folders: Mapping[str, Path]) -> list[int]:
    """The pixels of the square that each network sees. Raises DataError."""
    settings = (read_descriptor(folder)["network"] for folder in folders.values())
    return [int(one["image_size"]) for one in settings]


def read_networks(
    folders: Mapping[str, Path], database: Database, images: ServedImages
) -> Networks:
    """Read both networks, folders by kind, and embed the images. Raises DataError, OSError."""
    vectors, config = {}, {}
    contents: dict[str, bytes] = {}
    origins: dict[str, dict[str, str]] = {}
    for kind, (make, describe) in KINDS.items():
        folder, name = folders[kind], f"weights/{kind}.safetensors"
        descriptor = read_descriptor(folder)
        copied, copied_origins = descriptor_files(descriptor, folder, name, half=True)
        if LANDMARKS in contents and contents[LANDMARKS] != copied.get(LANDMARKS, b""):
            raise DataError(
                f"{folders[TRIPLET]} and {folder} find landmarks by different networks: train both "
                "with the same --landmarks file"
            )
        rows = embed(descriptor, folder, database, images, make, describe, half=True)
        vectors[kind] = rows.astype(np.float64)
        config[kind] = {"settings": descriptor["network"], "weights": name}
        contents |= copied
        origins |= copied_origins
    components = main_components(vectors[SWIN])
    embeddings = joined(vectors[TRIPLET], vectors[SWIN], components).astype(np.float16)
    return Networks(embeddings, components, config, contents, origins)


def main_components(vectors: NDArray[np.float64]) -> Components:
    """The COMPONENTS principal components of (n, d), rounded as the gallery's file keeps them.

    With too few images or numbers for that, the vectors stay as they are.
    """
    if min(vectors.shape) <= COMPONENTS:
        return Components(np.zeros(vectors.shape[1]), np.eye(vectors.shape[1]))
    pca = PCA(COMPONENTS, svd_solver="covariance_eigh").fit(vectors)
    # Rounded before the joint embeddings are computed, so that a query is projected by the same.
    mean, axes = (part.astype(np.float16) for part in (pca.mean_, pca.components_.T))
    return Components(mean.astype(np.float64), axes.astype(np.float64))
