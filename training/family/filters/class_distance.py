"""Find images far from the mean of their family, in two passes.

The published pipeline's filter: the distance of each image's features to the mean of its class;
images above the 95th percentile of all distances go, the means are computed again, and images
above the 97.5th percentile go.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.family.collection import FEWEST
from training.family.filters.frame import Features, Flags, Given

PERCENTILES = (95.0, 97.5)


def distances(features: Features, family: NDArray[np.str_]) -> NDArray[np.float64]:
    """Return each image's distance to the mean of its family, (n,)."""
    found = np.zeros(len(features))
    for name in np.unique(family):
        own = family == name
        found[own] = np.linalg.norm(features[own] - features[own].mean(axis=0), axis=1)
    return found


def flag(given: Given) -> Flags:
    """Flag what is far in either pass; every family keeps its two nearest images."""
    family = given.collection.family
    kept = np.ones(len(family), dtype=bool)
    for percentile in PERCENTILES:
        rows = np.flatnonzero(kept)
        far = distances(given.features[rows], family[rows])
        gone = far > np.percentile(far, percentile)
        kept[rows[gone]] = False
        _keep_some(kept, rows, far, family)
    return ~kept


def _keep_some(
    kept: Flags, rows: NDArray[np.intp], far: NDArray[np.float64], family: NDArray[np.str_]
) -> None:
    for name in np.unique(family[rows]):
        own = family[rows] == name
        if kept[rows[own]].sum() < FEWEST:
            kept[rows[own][np.argsort(far[own], kind="stable")[:FEWEST]]] = True
