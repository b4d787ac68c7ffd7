"""WildFusion: the mean of calibrated scores of several pipelines, local ones on a shortlist only.

Cermak et al. 2024 (arXiv 2408.12934): the priority pipeline ranks all candidates cheaply, the
expensive ones score only its first B; a candidate that some pipeline has not scored is out (-inf).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
GLOBAL, LOCAL = "global", "local"  # the fused pipelines, as config.json names them


def shortlist(priority: Array, size: int) -> NDArray[np.intp]:
    """Return the places of the `size` highest of (n,) scores, best first; ties in their order.

    NaN and -inf are never on it, so that it may be shorter.
    """
    usable = np.flatnonzero(~np.isnan(priority) & (priority > -np.inf))
    order = np.argsort(-priority[usable], kind="stable")
    return usable[order[: max(size, 0)]]


def fuse(calibrated: Sequence[Array]) -> Array:
    """Return the mean over pipelines of (n,) calibrated scores; -inf where one of them is NaN."""
    mean = np.mean(np.stack(calibrated), axis=0)
    return np.where(np.isnan(mean), -np.inf, mean)
