"""Which pictures a network may train on, so that the others tell where its threshold lies.

An embedding puts the pictures that it trained on together, so a threshold from them asks too much
of a new picture. What the threshold has to tell apart is a *new* picture of an individual that the
network may have trained on from a picture of an individual that it never saw. Both are kept back.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IDENTITIES = 0.25  # of the individuals, none of whose pictures is trained on
PICTURES = 0.25  # of the other individuals' pictures; 1 of 3, none of 2 and of 1
FOLDS = 5  # of individuals: what is fitted on pictures is judged on other individuals' pictures
TOO_FEW = (
    f"expected known individuals with several pictures in at least two of the {FOLDS} folds of "
    "individuals: add pictures of known individuals"
)


def unseen_pictures(
    identity: NDArray[np.str_], dataset: NDArray[np.str_], seed: int = 0
) -> NDArray[np.bool_]:
    """(n,): True for the pictures that are kept back from training.

    Individuals are drawn in each dataset by their number of pictures, as many with one as their
    share: they are the most, and cost training nothing, for one picture has no second beside it.
    """
    rng = np.random.default_rng(seed)
    kept_back = np.zeros(len(identity), dtype=np.bool_)
    for name in np.unique(dataset):
        rows = np.flatnonzero(dataset == name)
        names, counts = np.unique(identity[rows], return_counts=True)
        # Shuffled, then in order of the number of pictures: every fourth, from a random start.
        order = rng.permutation(len(names))
        order = order[np.argsort(counts[order], kind="stable")]
        step = round(1 / IDENTITIES)
        chosen = set(names[order[int(rng.integers(step)) :: step]].tolist())
        for individual, count in zip(names.tolist(), counts.tolist(), strict=True):
            own = rows[identity[rows] == individual]
            share = count if individual in chosen else round(count * PICTURES)
            kept_back[rng.permutation(own)[:share]] = True
    return kept_back


def individual_folds(identity: NDArray[np.str_]) -> NDArray[np.intp]:
    """(n,) 0 to FOLDS - 1: the pictures of an individual are in one fold.

    For curves and weights that are fitted on the pictures on which thresholds are chosen: there a
    query is scored by what was fitted without its fold.
    """
    names, code = np.unique(identity, return_inverse=True)
    return np.random.default_rng(0).permutation(len(names))[code] % FOLDS
