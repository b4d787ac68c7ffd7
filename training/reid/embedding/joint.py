"""The two networks of `open_set_ensemble`: their files, and the gallery's joint embedding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.decomposition import PCA

from training.common.errors import DataError
from training.reid.database import Database
from training.reid.embedding.descriptors import descriptor_files, embed, read_descriptor
from training.reid.landmarks.files import LANDMARKS
from wildlife_reid.joint_embedding import KINDS as KINDS
from wildlife_reid.joint_embedding import SWIN as SWIN
from wildlife_reid.joint_embedding import TRIPLET as TRIPLET
from wildlife_reid.joint_embedding import Components, joined

COMPONENTS = 64  # of the embedding that has more numbers


@dataclass(frozen=True)
class Networks:
    """The gallery's embedding (n, d) and its components as the gallery's file keeps them; the part
    of config.json, files and their origins."""

    embedding: NDArray[np.float16]
    components: Components
    config: dict[str, dict[str, Any]]
    contents: dict[str, bytes]
    origins: dict[str, dict[str, str]]


def read_networks(
    folders: Mapping[str, Path], database: Database, pictures: list[Image.Image]
) -> Networks:
    """folders: by kind. Raises DataError, OSError."""
    vectors, config = {}, {}
    contents: dict[str, bytes] = {}
    origins: dict[str, dict[str, str]] = {}
    for kind, (make, describe) in KINDS.items():
        folder, name = folders[kind], f"weights/{kind}.safetensors"
        descriptor = read_descriptor(folder)
        copied, their = descriptor_files(descriptor, folder, name, half=True)
        if LANDMARKS in contents and contents[LANDMARKS] != copied.get(LANDMARKS, b""):
            raise DataError(
                f"{folders[TRIPLET]} and {folder} find landmarks by different networks: train both "
                "with the same --landmarks file"
            )
        found = embed(descriptor, folder, database, pictures, make, describe, half=True)
        vectors[kind] = found.astype(np.float64)
        config[kind] = {"settings": descriptor["network"], "weights": name}
        contents |= copied
        origins |= their
    components = main_components(vectors[SWIN])
    embedding = joined(vectors[TRIPLET], vectors[SWIN], components).astype(np.float16)
    return Networks(embedding, components, config, contents, origins)


def main_components(vectors: NDArray[np.float64]) -> Components:
    """The COMPONENTS main ones of (n, d), rounded as the gallery's file keeps them; with too few
    pictures or numbers for that, the vectors as they are."""
    if min(vectors.shape) <= COMPONENTS:
        return Components(np.zeros(vectors.shape[1]), np.eye(vectors.shape[1]))
    found = PCA(COMPONENTS, svd_solver="covariance_eigh").fit(vectors)
    mean, axes = (part.astype(np.float16) for part in (found.mean_, found.components_.T))
    return Components(mean.astype(np.float64), axes.astype(np.float64))
