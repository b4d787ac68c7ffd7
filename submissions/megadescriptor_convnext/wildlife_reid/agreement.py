"""One rule for two systems that both name an individual: retrieval and a classifier.

Each gives the probability that the query is individual i. Where both have the same favourite, it
gets the probability that they are not both wrong, 1 - (1 - a)(1 - b). Every other individual gets
the larger of its two probabilities times a discount, which is measured: how much less often the
larger of two is right when they disagree than it claims. (After visan-ionut's entry of AnimalCLEF
2025, where agreement multiplied the mean by 1.7 and the larger counted otherwise.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def agreed(retrieval: Array, classifier: Array, discount: float) -> Array:
    """Return (i,) scores in 0..1 from two (i,) probabilities; NaN counts as 0."""
    first, second = np.nan_to_num(retrieval), np.nan_to_num(classifier)
    scores: Array = discount * np.maximum(first, second)
    if len(scores):
        best, other = int(first.argmax()), int(second.argmax())
        if best == other and second[other] > 0:
            scores[best] = 1 - (1 - first[best]) * (1 - second[best])
    return scores


def per_individual(scores: Array, code: NDArray[np.intp], count: int) -> Array:
    """Return (count,): the best of the scores (r,) of each individual's images.

    code: (r,) the number of each image's individual, 0..count-1.
    """
    best = np.full(count, -np.inf)
    np.maximum.at(best, code, scores)
    return best


def confidence(logits: Array, classes: NDArray[np.str_], names: NDArray[np.str_]) -> Array:
    """Return (names,): softmax over the classes that are among `names`; 0 for other names.

    logits (c,) and classes (c,) belong together.
    """
    shares = np.zeros(len(names))
    inside = np.flatnonzero(np.isin(classes, names))
    if len(inside) and np.isfinite(logits[inside]).all():
        powers = np.exp(logits[inside] - logits[inside].max())
        shares[np.searchsorted(names, classes[inside])] = powers / powers.sum()
    return shares
