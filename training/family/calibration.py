"""One temperature for a network's logits, so that its probabilities are honest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

FEWEST = 20  # images, below which the temperature stays 1
_BOUNDS = (-2.0, 3.0)  # of its natural logarithm


def temperature_of(logits: NDArray[np.float64], labels: NDArray[np.intp]) -> float:
    """Return the temperature that divides logits (n, families) of labels (n,).

    The one with the lowest mean negative log-likelihood; 1 for fewer than FEWEST images. The
    images must not be ones that the network was trained on. Source: Guo et al. 2017.
    """
    if len(labels) < FEWEST:
        return 1.0

    def loss(logarithm: float) -> float:
        scaled = logits / np.exp(logarithm)
        own = scaled[np.arange(len(labels)), labels]
        return float(np.mean(logsumexp(scaled, axis=1) - own))

    found = minimize_scalar(loss, bounds=_BOUNDS, method="bounded")
    return round(float(np.exp(found.x)), 4)
