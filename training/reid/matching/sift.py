"""SIFT features of images: found, cached, packed into a gallery, and matched."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from training.common.cache import DEFAULT_FOLDER, FeatureCache
from training.reid.images import ServedImages
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
SETTINGS = LocalSettings()


@dataclass(frozen=True)
class SiftMatcher:
    """Verified SIFT matches of images, features (n,), with the images of a packed gallery (g,)."""

    features: list[LocalFeatures]
    gallery: LocalGallery
    settings: LocalSettings
    match: MatchSettings
    longest: int  # of ServedImages: the scale at which large images were read

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
        return [3, self.config, DIMENSIONS, KEPT, self.longest]

    def score(self, row: int, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """(r,): scores of image `row` with the gallery's `rows`."""
        return self.gallery.scores(self.features[row], rows, self.match)


def sift_matcher(images: ServedImages, gallery: int | None = None) -> SiftMatcher:
    """Find the features of all images; the first `gallery` of them (None: all) are the gallery."""
    features = sift_features(images, SETTINGS)
    local = packed(features[:gallery])
    return SiftMatcher(features, local, SETTINGS, MatchSettings(), images.longest)


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


def sift_features(images: ServedImages, settings: LocalSettings) -> list[LocalFeatures]:
    """Features of all images, read from the cache where they were found before."""

    def compute(some: list[Path]) -> NDArray[np.float32]:
        return np.stack([_flat(local_features(images[p], settings), settings) for p in some])

    key = f"2 {images.longest} cv2 {cv2.__version__} {settings}"
    cache = FeatureCache(DEFAULT_FOLDER, "SIFT", key)
    return [_unflat(row, settings) for row in cache.features(images.paths, compute)]


def _flat(features: LocalFeatures, settings: LocalSettings) -> NDArray[np.float32]:
    """A row of one length for all images: the number of key points, and all of them."""
    table = np.zeros((settings.count, PLACE + LENGTH), dtype=np.float32)
    table[: len(features)] = np.concatenate([features.places, features.descriptors], axis=1)
    return np.concatenate([[np.float32(len(features))], table.ravel()]).astype(np.float32)


def _unflat(row: NDArray[np.float32], settings: LocalSettings) -> LocalFeatures:
    table = row[1:].reshape(settings.count, PLACE + LENGTH)[: int(row[0])]
    return LocalFeatures(table[:, :PLACE].copy(), table[:, PLACE:].copy())
