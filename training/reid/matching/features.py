"""What the scripts of wildfusion, open_set_ensemble and megadescriptor_convnext share.

Reading pictures, and finding, keeping and packing SIFT features.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.decomposition import PCA

from training.common.cache import DEFAULT_FOLDER, FeatureCache
from training.common.errors import DataError
from training.reid.database import Database
from wildlife_image.rgb import to_rgb
from wildlife_reid.local.features import (
    LENGTH,
    PLACE,
    LocalFeatures,
    LocalSettings,
    local_features,
)
from wildlife_reid.local.gallery import LocalGallery, Projection, pack

DIMENSIONS, KEPT = 32, 100  # of a gallery descriptor; key points of a gallery picture


def read_pictures(paths: Sequence[Path]) -> list[Image.Image]:
    """All pictures, upright, RGB. Raises DataError naming all that cannot be read."""
    pictures, problems = [], []
    for path in paths:
        try:
            with Image.open(path) as image:
                pictures.append(to_rgb(image))
        except (OSError, SyntaxError, ValueError) as error:
            problems.append(f"{path.name} cannot be read: {error}")
    if problems:
        raise DataError("\n  ".join(["pictures cannot be read, nothing was made", *problems]))
    return pictures


def picture_digest(database: Database) -> str:
    """sha256 over the bytes of all pictures, in order."""
    digests = [hashlib.sha256(path.read_bytes()).digest() for path in database.paths]
    return hashlib.sha256(b"".join(digests)).hexdigest()


def packed(features: list[LocalFeatures]) -> LocalGallery:
    """The packed gallery of all pictures; principal components over all their descriptors."""
    nothing = np.zeros((0, LENGTH), np.float32)
    descriptors = np.concatenate([nothing, *(one.descriptors for one in features)])
    if len(descriptors) > DIMENSIONS:
        found = PCA(DIMENSIONS, svd_solver="covariance_eigh").fit(descriptors.astype(np.float64))
        mean, axes = found.mean_, found.components_.T
    else:
        mean, axes = np.zeros(LENGTH), np.eye(LENGTH)[:, :DIMENSIONS]
    projection = Projection(mean.astype(np.float32), axes.astype(np.float32))
    return pack(features, projection, KEPT)


def sift_features(
    paths: Sequence[Path], pictures: list[Image.Image], settings: LocalSettings
) -> list[LocalFeatures]:
    """Features of all pictures, from the cache where they were found before."""
    by_path = dict(zip(paths, pictures, strict=True))

    def compute(paths: list[Path]) -> NDArray[np.float32]:
        return np.stack([_flat(local_features(by_path[p], settings), settings) for p in paths])

    cache = FeatureCache(DEFAULT_FOLDER, "SIFT", f"1 cv2 {cv2.__version__} {settings}")
    return [_unflat(row, settings) for row in cache.features(paths, compute)]


def _flat(features: LocalFeatures, settings: LocalSettings) -> NDArray[np.float32]:
    """A row of one length for all pictures: the number of key points, and all of them."""
    table = np.zeros((settings.count, PLACE + LENGTH), dtype=np.float32)
    table[: len(features)] = np.concatenate([features.places, features.descriptors], axis=1)
    return np.concatenate([[np.float32(len(features))], table.ravel()]).astype(np.float32)


def _unflat(row: NDArray[np.float32], settings: LocalSettings) -> LocalFeatures:
    table = row[1:].reshape(settings.count, PLACE + LENGTH)[: int(row[0])]
    return LocalFeatures(table[:, :PLACE].copy(), table[:, PLACE:].copy())


def pairs_key(local: Mapping[str, Any], pictures: str) -> str:
    """What decides the scores of pairs: settings of the local stage, and all pictures."""
    return json.dumps([2, local, pictures, DIMENSIONS, KEPT], sort_keys=True)


def table_digest(folder: Path) -> str:
    return hashlib.sha256((folder / "metadata.csv").read_bytes()).hexdigest()[:16]
