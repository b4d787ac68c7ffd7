"""The two kinds of local features that config.json may choose: SIFT, or a network of kornia."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wildlife_reid.local.features import LocalFeatures, LocalSettings, local_features
from wildlife_reid.local.gallery import LocalGallery, from_arrays
from wildlife_reid.local.glue import GlueFeatures, GlueGallery, GlueMatcher
from wildlife_reid.local.matching import MatchSettings

Array = NDArray[np.float64]
Features = LocalFeatures | GlueFeatures


class LocalPipeline(Protocol):
    """Find the local features of an image, and compare them with those of a gallery."""

    @property
    def gallery(self) -> Sized:
        """The gallery's features; its length is the number of images."""

    @property
    def image_size(self) -> int:
        """Pixels of the longer side of the image in which features are searched."""

    def features(self, rgb: Image.Image) -> Any:
        """Return the features of an upright RGB image. Thread-safe."""

    def scores(self, query: Any, rows: NDArray[np.intp]) -> Array:
        """Return (rows,) scores for those rows of the gallery; 0 where nothing matches."""


@dataclass(frozen=True)
class SiftPipeline:
    """SIFT, with the gallery's features packed into bytes."""

    gallery: LocalGallery
    settings: LocalSettings
    match: MatchSettings

    @property
    def image_size(self) -> int:
        return self.settings.image_size

    def features(self, rgb: Image.Image) -> LocalFeatures:
        return local_features(rgb, self.settings)

    def scores(self, query: LocalFeatures, rows: NDArray[np.intp]) -> Array:
        return self.gallery.scores(query, rows, self.match)


@dataclass(frozen=True)
class GluePipeline:
    """An extractor of kornia and LightGlue."""

    gallery: GlueGallery
    matcher: GlueMatcher

    @property
    def image_size(self) -> int:
        return self.matcher.image_size

    def features(self, rgb: Image.Image) -> GlueFeatures:
        return self.matcher.features(rgb)

    def scores(self, query: GlueFeatures, rows: NDArray[np.intp]) -> Array:
        gallery = self.gallery.features
        return np.array([self.matcher.score(query, gallery(int(row))) for row in rows])


def local_pipeline(
    local: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], folder: Path
) -> LocalPipeline:
    """Build the pipeline that config.json's `local` describes.

    Args:
        local: `kind` ("sift", "aliked" or "disk") and the settings of that kind.
        arrays: those of the gallery's file.
        folder: the submission's folder, which holds the networks.

    Raises KeyError for a missing setting or array, ValueError for arrays that do not fit.
    """
    if local["kind"] != "sift":
        return GluePipeline(GlueGallery(arrays), GlueMatcher(local, folder))
    features, match = LocalSettings(**local["features"]), MatchSettings(**local["match"])
    return SiftPipeline(from_arrays(arrays), features, match)
