"""The colours of an animal: a histogram over the window of its box."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wildlife_anomaly.crops import Pixels

BINS = (8, 9, 9)  # of brightness, and of the two differences of colours
_MOST = 48.0  # of a difference of colours; what is beyond counts as that
FEATURES = BINS[0] * BINS[1] * BINS[2]


def colour_histograms(crops: Pixels) -> NDArray[np.float64]:
    """Return (n, FEATURES) roots of shares for crops (n, size, size, 4): RGB and the window.

    Roots, because the distance of two histograms is then Hellinger's.
    """
    rows = [np.zeros((0, FEATURES)), *(_histogram(crop)[None] for crop in crops)]
    return np.concatenate(rows)


def _histogram(crop: Pixels) -> NDArray[np.float64]:
    red, green, blue, window = np.moveaxis(crop.astype(np.float32), -1, 0)
    brightness = (red + green + blue) / 3 / 256
    opponent = ((red - green) / 2, (2 * blue - red - green) / 4)
    places = np.minimum((brightness * BINS[0]).astype(int), BINS[0] - 1)
    for difference, bins in zip(opponent, BINS[1:], strict=True):
        share = (np.clip(difference, -_MOST, _MOST) + _MOST) / (2 * _MOST)
        places = places * bins + np.minimum((share * bins).astype(int), bins - 1)
    counts = np.bincount(places.ravel(), weights=window.ravel(), minlength=FEATURES)
    return np.asarray(np.sqrt(counts / max(float(counts.sum()), 1e-9)))
