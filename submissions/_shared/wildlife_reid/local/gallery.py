"""The gallery's local features, small enough to travel with a submission.

Descriptors are projected onto their principal components and kept as bytes, places as a byte each;
36 to 52 bytes a key point instead of 528. A query's descriptors are projected and not rounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from wildlife_reid.local.features import LENGTH, PLACE, LocalFeatures
from wildlife_reid.local.matching import Floats, MatchSettings, mutual_matches, verified

Bytes = NDArray[np.int8]
_SIZES = (np.log(0.004), np.log(1.0))  # logarithms of key point sizes that a byte spans
_LEVELS = 255.0


@dataclass(frozen=True)
class Projection:
    """mean (128,) and axes (128, k) of the principal components of descriptors."""

    mean: Floats
    axes: Floats

    def __call__(self, descriptors: Floats) -> Floats:
        """Project descriptors (n, 128) to (n, k) of length 1."""
        projected = (descriptors - self.mean) @ self.axes
        length = np.linalg.norm(projected, axis=1, keepdims=True)
        return np.asarray(projected / np.maximum(length, 1e-9), dtype=np.float32)


@dataclass(frozen=True)
class LocalGallery:
    """Features of g images: `starts` (g + 1,) into places (t, 4) and descriptors (t, k)."""

    projection: Projection
    starts: NDArray[np.int64]
    places: NDArray[np.uint8]
    descriptors: Bytes

    def __len__(self) -> int:
        return len(self.starts) - 1

    @cached_property
    def _unpacked(self) -> tuple[Floats, Floats]:
        scale = np.float32(127)
        descriptors = np.asarray(self.descriptors.astype(np.float32) / scale, dtype=np.float32)
        return unpack_places(self.places), descriptors

    def features(self, row: int) -> tuple[Floats, Floats]:
        """Return places (n, 4) and projected descriptors (n, k) of one image."""
        places, descriptors = self._unpacked
        part = slice(int(self.starts[row]), int(self.starts[row + 1]))
        return places[part], descriptors[part]

    def scores(
        self, query: LocalFeatures, rows: NDArray[np.intp], settings: MatchSettings
    ) -> NDArray[np.float64]:
        """Return (r,) scores of the query with the gallery's `rows`; 0 where nothing matches."""
        projected = self.projection(query.descriptors)
        scores = np.zeros(len(rows))
        for place, row in enumerate(rows.tolist()):
            places, descriptors = self.features(row)
            similarity = projected @ descriptors.T
            matches = mutual_matches(similarity, query.places, places, settings.floor)
            scores[place] = verified(matches, settings)
        return scores

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return flat names and arrays for the gallery's file."""
        return {
            "local.mean": self.projection.mean.astype(np.float32),
            "local.axes": self.projection.axes.astype(np.float32),
            "local.starts": self.starts.astype(np.int32),
            "local.places": self.places,
            "local.descriptors": self.descriptors,
        }


def from_arrays(arrays: Mapping[str, NDArray[np.generic]]) -> LocalGallery:
    """Return the gallery that `arrays` described.

    Raises KeyError for a missing array, ValueError for other shapes.
    """
    mean = arrays["local.mean"].astype(np.float32)
    axes = arrays["local.axes"].astype(np.float32)
    starts = arrays["local.starts"].astype(np.int64)
    places, descriptors = arrays["local.places"], arrays["local.descriptors"]
    total = int(starts[-1]) if len(starts) else -1
    expected = {
        "mean": (mean.shape, (LENGTH,)),
        "axes": (axes.shape, (LENGTH, axes.shape[-1])),
        "places": (places.shape, (total, PLACE)),
        "descriptors": (descriptors.shape, (total, axes.shape[-1])),
    }
    wrong = [f"local.{n} is {a}, expected {b}" for n, (a, b) in expected.items() if a != b]
    if not len(starts) or starts[0] != 0 or np.any(np.diff(starts) < 0):
        wrong.append("local.starts does not ascend from 0")
    if wrong:
        raise ValueError("; ".join(wrong))
    return LocalGallery(
        Projection(mean, axes), starts, places.astype(np.uint8), descriptors.astype(np.int8)
    )


def pack(features: list[LocalFeatures], projection: Projection, count: int) -> LocalGallery:
    """Make a gallery of the `count` strongest features of each image."""
    kept = [min(count, len(image)) for image in features]
    width = projection.axes.shape[1]
    rows = [projection(image.descriptors[:n]) for image, n in zip(features, kept, strict=True)]
    places = [pack_places(image.places[:n]) for image, n in zip(features, kept, strict=True)]
    descriptors = np.concatenate([np.zeros((0, width), np.float32), *rows])
    return LocalGallery(
        projection,
        np.concatenate([[0], np.cumsum(kept)]).astype(np.int64),
        np.concatenate([np.zeros((0, PLACE), np.uint8), *places]),
        np.rint(descriptors * 127).astype(np.int8),
    )


def pack_places(places: Floats) -> NDArray[np.uint8]:
    """Return places (n, 4) as bytes: x and y by 1/255 of the longer side, log size, angle."""
    low, high = _SIZES
    size = (np.log(np.maximum(places[:, 2], 1e-6)) - low) / (high - low)
    angle = places[:, 3] / (2 * np.pi) % 1 * (_LEVELS + 1) / _LEVELS
    shares = np.stack([places[:, 0], places[:, 1], size, angle], axis=1)
    levels = np.rint(shares * _LEVELS)
    levels[:, 3] %= _LEVELS + 1
    return np.clip(levels, 0, _LEVELS).astype(np.uint8)


def unpack_places(packed: NDArray[np.uint8]) -> Floats:
    low, high = _SIZES
    shares = packed.astype(np.float32) / np.float32(_LEVELS)
    size = np.exp(low + shares[:, 2] * (high - low))
    angle = packed[:, 3].astype(np.float32) / (_LEVELS + 1) * 2 * np.pi
    return np.stack([shares[:, 0], shares[:, 1], size, angle], axis=1).astype(np.float32)
