"""Local features of an image: SIFT key points with RootSIFT descriptors (OpenCV, no weights).

Places and sizes are in units of the image's longer side, so that they mean the same at every
resolution. SIFT: Lowe 2004; square root of the L1-normalised descriptor: Arandjelovic and Zisserman
2012.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]

PLACE = 4  # x, y, size, angle
LENGTH = 128  # of a SIFT descriptor
_THINNEST = 16  # pixels: SIFT needs some room around a key point


@dataclass(frozen=True)
class LocalSettings:
    """How features are found."""

    image_size: int = 352  # pixels of the longer side of the image in which they are searched
    count: int = 150  # key points kept, the strongest
    contrast: float = 0.01  # far below OpenCV's 0.04: blurred images have features too
    smallest: float = 0.011  # key points below this size (of the longer side) are mostly grain


@dataclass(frozen=True)
class LocalFeatures:
    """places (n, 4): x, y, size in longer sides, angle in radians; descriptors (n, 128), length 1.

    n is 0 where nothing was found; the strongest come first.
    """

    places: Floats
    descriptors: Floats

    def __len__(self) -> int:
        return len(self.places)


NOTHING = LocalFeatures(np.zeros((0, PLACE), np.float32), np.zeros((0, LENGTH), np.float32))


def grey_image(rgb: Image.Image, image_size: int) -> NDArray[np.uint8]:
    """Return (h, w) grey bytes, longer side `image_size` pixels, local contrast evened out."""
    scale = image_size / max(rgb.size)
    size = (max(_THINNEST, round(rgb.width * scale)), max(_THINNEST, round(rgb.height * scale)))
    grey = np.asarray(rgb.convert("L").resize(size, Image.Resampling.BICUBIC))
    # Light differs more between two images of an animal than its pattern does.
    return np.asarray(cv2.createCLAHE(2.0, (4, 4)).apply(grey), dtype=np.uint8)


def local_features(rgb: Image.Image, settings: LocalSettings) -> LocalFeatures:
    """Find the strongest key points of an image; none in a blank one. Thread-safe."""
    grey = grey_image(rgb, settings.image_size)
    sift = cv2.SIFT_create(  # type: ignore[attr-defined]
        contrastThreshold=settings.contrast, edgeThreshold=20, nOctaveLayers=4
    )
    key_points = [
        p for p in sift.detect(grey, None) if p.size >= settings.smallest * settings.image_size
    ]
    # The place decides between equal strengths, so that the order is the same everywhere.
    key_points.sort(key=lambda p: (-p.response, p.pt, p.angle))
    if not key_points:
        return NOTHING
    points, descriptors = sift.compute(grey, key_points[: settings.count])
    return LocalFeatures(_places(points, max(grey.shape)), root_sift(descriptors))


def root_sift(descriptors: NDArray[np.float32]) -> Floats:
    """Return (n, 128) of length 1, whose Euclidean distance is the Hellinger distance."""
    shares = descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-9)
    return np.asarray(np.sqrt(shares), dtype=np.float32)


def _places(points: tuple[cv2.KeyPoint, ...], longer: int) -> Floats:
    rows = [
        (p.pt[0] / longer, p.pt[1] / longer, p.size / longer, np.deg2rad(p.angle)) for p in points
    ]
    return np.array(rows, dtype=np.float32).reshape(-1, PLACE)
