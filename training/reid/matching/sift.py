"""SIFT features of images: found, cached, packed into a gallery, and matched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.decomposition import PCA

from training.common.cache import DEFAULT_FOLDER, FeatureCache
from wildlife_reid.local.features import (
    LENGTH,
    PLACE,
    LocalFeatures,
    LocalSettings,
    local_features,
)
from wildlife_reid.local.gallery import LocalGallery, Projection, pack
from wildlife_reid.local.matching import MatchSettings

DIMENSIONS, KEPT = 32, 100  # of a gallery descriptor; key points of a gallery image


@dataclass(frozen=True)
class SiftMatcher:
    """Verified SIFT matches of images, features (n,), with the images of a packed gallery (g,)."""

    features: list[LocalFeatures]
    gallery: LocalGallery
    settings: LocalSettings
    match: MatchSettings

    @property
    def config(self) -> dict[str, Any]:
        """The local stage as config.json of a submission describes it."""
        return {
            "kind": "sift",
            "features": asdict(self.settings),
            "match": asdict(self.match),
        }

    @property
    def key(self) -> list[Any]:
        """What decides the scores, besides the images."""
        return [2, self.config, DIMENSIONS, KEPT]

    def score(self, row: int, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """(r,): scores of image `row` with the gallery's `rows`."""
        return self.gallery.scores(self.features[row], rows, self.match)


def sift_matcher(
    paths: Sequence[Path], images: Sequence[Image.Image], gallery: int | None = None
) -> SiftMatcher:
    """Find the features of all images; the first `gallery` of them (None: all) are the gallery."""
    settings = LocalSettings()
    features = sift_features(paths, images, settings)
    return SiftMatcher(features, packed(features[:gallery]), settings, MatchSettings())


def packed(features: list[LocalFeatures]) -> LocalGallery:
    """Pack all images into a gallery; principal components over all their descriptors."""
    nothing = np.zeros((0, LENGTH), np.float32)
    descriptors = np.concatenate([nothing, *(one.descriptors for one in features)])
    if len(descriptors) > DIMENSIONS:
        # This solver gives the same bytes each time; double precision keeps small axes exact.
        pca = PCA(DIMENSIONS, svd_solver="covariance_eigh").fit(descriptors.astype(np.float64))
        mean, axes = pca.mean_, pca.components_.T
    else:
        mean, axes = np.zeros(LENGTH), np.eye(LENGTH)[:, :DIMENSIONS]
    projection = Projection(mean.astype(np.float32), axes.astype(np.float32))
    return pack(features, projection, KEPT)


def sift_features(
    paths: Sequence[Path], images: Sequence[Image.Image], settings: LocalSettings
) -> list[LocalFeatures]:
    """Features of all images, read from the cache where they were found before."""
    by_path = dict(zip(paths, images, strict=True))

    def compute(some: list[Path]) -> NDArray[np.float32]:
        return np.stack([_flat(local_features(by_path[p], settings), settings) for p in some])

    cache = FeatureCache(DEFAULT_FOLDER, "SIFT", f"1 cv2 {cv2.__version__} {settings}")
    return [_unflat(row, settings) for row in cache.features(paths, compute)]


def _flat(features: LocalFeatures, settings: LocalSettings) -> NDArray[np.float32]:
    """A row of one length for all images: the number of key points, and all of them."""
    table = np.zeros((settings.count, PLACE + LENGTH), dtype=np.float32)
    table[: len(features)] = np.concatenate([features.places, features.descriptors], axis=1)
    return np.concatenate([[np.float32(len(features))], table.ravel()]).astype(np.float32)


def _unflat(row: NDArray[np.float32], settings: LocalSettings) -> LocalFeatures:
    table = row[1:].reshape(settings.count, PLACE + LENGTH)[: int(row[0])]
    return LocalFeatures(table[:, :PLACE].copy(), table[:, PLACE:].copy())
