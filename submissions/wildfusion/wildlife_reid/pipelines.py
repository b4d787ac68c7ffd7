"""The two pipelines that WildFusion fuses, and their gallery, as this submission's files hold them.

weights/gallery.npz: identity, dataset (g,), embedding (g, d), and the local features, of SIFT
(local_gallery.py) or of a kornia network (glue_matching.py), as config.json says.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from wildlife_image.rgb import to_rgb
from wildlife_reid.alignment import network_input, read_landmark_network
from wildlife_reid.calibration import Calibration, from_json
from wildlife_reid.fusion import fuse, shortlist
from wildlife_reid.local import gallery as local_gallery
from wildlife_reid.local.features import LocalFeatures, LocalSettings, local_features
from wildlife_reid.local.gallery import LocalGallery
from wildlife_reid.local.glue import GlueFeatures, GlueGallery, GlueMatcher
from wildlife_reid.local.matching import MatchSettings
from wildlife_reid.open_set import Gallery, candidates, check_thresholds, read_gallery
from wildlife_reid.swin import describe, swin_descriptor

Array = NDArray[np.float64]
POOLED = ""  # the calibrations over all datasets, for a query whose dataset is not known
GLOBAL, LOCAL = "global", "local"
MEND = "make it anew with `python -m training.reid.wildfusion`"


class GalleryError(Exception):
    """The gallery's file cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Query:
    """A prepared picture: pixels for the network (3, s, s), local features, dataset or None."""

    pixels: Tensor
    local: LocalFeatures | GlueFeatures
    dataset: str | None


@dataclass(frozen=True)
class SiftPipeline:
    """Local scores by SIFT, with the gallery's features packed into bytes."""

    gallery: LocalGallery
    settings: LocalSettings
    match: MatchSettings

    @property
    def side(self) -> int:
        return self.settings.side

    def features(self, rgb: Image.Image) -> LocalFeatures:
        return local_features(rgb, self.settings)

    def scores(self, query: LocalFeatures, rows: NDArray[np.intp]) -> Array:
        """(r,) for the gallery's rows."""
        return self.gallery.scores(query, rows, self.match)


@dataclass(frozen=True)
class GluePipeline:
    """Local scores by a kornia extractor and LightGlue."""

    gallery: GlueGallery
    matcher: GlueMatcher

    @property
    def side(self) -> int:
        return self.matcher.side

    def features(self, rgb: Image.Image) -> GlueFeatures:
        return self.matcher.features(rgb)

    def scores(self, query: GlueFeatures, rows: NDArray[np.intp]) -> Array:
        """(r,) for the gallery's rows."""
        gallery = self.gallery.features
        return np.array([self.matcher.score(query, gallery(int(row))) for row in rows])


class GlobalDescriptor:
    """MegaDescriptor: `pixels` in threads, then `embed`. `settings` as in megadescriptor_cosine."""

    def __init__(self, settings: Mapping[str, Any], folder: Path, weights: str) -> None:
        """Raises RuntimeError where a file is of another network, OSError if it is not there."""
        self._settings = settings
        self._landmarks = read_landmark_network(folder, settings)
        self._network = swin_descriptor(settings)
        state = load_file(folder / weights)
        self._network.load_state_dict({name: t.float() for name, t in state.items()})
        self._network.eval()

    def pixels(self, rgb: Image.Image) -> Tensor:
        """(3, side, side)"""
        return network_input(rgb, self._settings, self._landmarks)

    def embed(self, pixels: Tensor) -> Array:
        """(d,) of length 1; zeros, which are like nothing, where the network gives no number."""
        return np.nan_to_num(describe(self._network, pixels).numpy(), posinf=0.0, neginf=0.0)


@dataclass(frozen=True)
class WildFusion:
    """Descriptor, local pipeline, gallery, and the calibrations of each dataset and POOLED."""

    descriptor: GlobalDescriptor
    local: SiftPipeline | GluePipeline
    gallery: Gallery
    embedding: NDArray[np.float32]
    calibrations: Mapping[str, Mapping[str, Calibration]]
    shortlist: int

    def prepare(self, image: Image.Image, dataset: str | None) -> Query:
        """Everything of a picture that needs no gallery. Thread-safe."""
        rgb = to_rgb(image, 2 * self.local.side)
        return Query(self.descriptor.pixels(rgb), self.local.features(rgb), dataset)

    def scores(self, query: Query) -> Array:
        """(g,) fused scores; -inf for other datasets and for what is not on the shortlist."""
        found = np.full(len(self.embedding), -np.inf)
        rows = np.flatnonzero(candidates(self.gallery, query.dataset))
        if not len(rows):
            return found
        vector = self.descriptor.embed(query.pixels)
        similarity = self.embedding[rows].astype(np.float64) @ vector
        local = np.full(len(rows), np.nan)
        chosen = shortlist(similarity, self.shortlist)
        local[chosen] = self.local.scores(query.local, rows[chosen])  # type: ignore[arg-type]
        curves = self.calibrations.get(query.dataset or POOLED, self.calibrations[POOLED])
        found[rows] = fuse([curves[GLOBAL](similarity), curves[LOCAL](local)])
        return found


def read_arrays(path: Path) -> tuple[Gallery, dict[str, NDArray[Any]]]:
    """Labels and arrays of the gallery's file. Raises GalleryError."""
    if not path.is_file():
        raise GalleryError(f"{path} is missing: {MEND}")
    try:
        gallery, arrays = read_gallery(path)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise GalleryError(f"{path} cannot be read as a gallery ({error}): {MEND}") from error
    embedding = arrays.get("embedding", np.zeros(0))
    if embedding.ndim != 2 or len(embedding) != len(gallery):
        raise GalleryError(
            f"{path}: expected embeddings ({len(gallery)}, d), found {embedding.shape}: {MEND}"
        )
    if not np.isfinite(embedding).all():
        raise GalleryError(f"{path}: some embeddings are not finite: {MEND}")
    return gallery, arrays


def read_wildfusion(folder: Path, config: Mapping[str, Any]) -> WildFusion:
    """What config.json describes and `folder` holds. Raises GalleryError, OSError, RuntimeError."""
    path = folder / config["gallery"]
    gallery, arrays = read_arrays(path)
    try:
        local = local_pipeline(config["local"], arrays, folder)
        check_thresholds(gallery, config["thresholds"])
        if len(local.gallery) != len(gallery):
            raise ValueError(f"features of {len(local.gallery)} pictures, not of {len(gallery)}")
    except (KeyError, ValueError) as error:
        raise GalleryError(f"{path} and config.json: {error}: {MEND}") from error
    calibrations = {
        dataset: {name: from_json(value) for name, value in curves.items()}
        for dataset, curves in config["calibrations"].items()
    }
    return WildFusion(
        GlobalDescriptor(config["network"], folder, config["weights"]),
        local,
        gallery,
        arrays["embedding"].astype(np.float32),
        calibrations,
        int(config["shortlist"]),
    )


def local_pipeline(
    local: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], folder: Path
) -> SiftPipeline | GluePipeline:
    """SIFT, or a kornia network. Raises KeyError, ValueError for arrays that do not fit."""
    if local["kind"] != "sift":
        return GluePipeline(GlueGallery(arrays), GlueMatcher(local, folder))
    return SiftPipeline(
        local_gallery.from_arrays(arrays),
        LocalSettings(**local["features"]),
        MatchSettings(**local["match"]),
    )
