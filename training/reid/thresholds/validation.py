"""Choose the validation images: not trained on, so that they tell where the threshold lies.

A network puts the images that it trained on close together, so a threshold from them asks too much
of a new image. The threshold has to separate a *new* image of an individual that the network may
have trained on from an image of an individual that the network never saw. Both kinds are set aside.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.reid.database import Database, same_content

IDENTITIES = 0.25  # of the individuals, none of whose images is trained on
IMAGES = 0.25  # of the other individuals' images; 1 of 3, none of 2 and of 1
FOLDS = 5  # of individuals: what is fitted on images is judged on other individuals' images
TOO_FEW = (
    f"expected known individuals with several images in at least two of the {FOLDS} folds of "
    "individuals: add images of known individuals"
)


def validation_images(
    identity: NDArray[np.str_], dataset: NDArray[np.str_], seed: int = 0
) -> NDArray[np.bool_]:
    """(n,): True for the validation images.

    In each dataset individuals are drawn evenly over their numbers of images. Those with one image
    are drawn like the others: they are the most, and cost training nothing, because one image has
    no second one of its individual next to it.
    """
    rng = np.random.default_rng(seed)
    validation = np.zeros(len(identity), dtype=np.bool_)
    for name in np.unique(dataset):
        rows = np.flatnonzero(dataset == name)
        names, counts = np.unique(identity[rows], return_counts=True)
        # Shuffled, then in order of the number of images: every fourth, from a random start.
        order = rng.permutation(len(names))
        order = order[np.argsort(counts[order], kind="stable")]
        step = round(1 / IDENTITIES)
        chosen = set(names[order[int(rng.integers(step)) :: step]].tolist())
        for individual, count in zip(names.tolist(), counts.tolist(), strict=True):
            own = rows[identity[rows] == individual]
            share = count if individual in chosen else round(count * IMAGES)
            validation[rng.permutation(own)[:share]] = True
    return validation


def without_twins(database: Database, validation: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n,): `validation` without the images whose file is in the table twice.

    As a query, such an image would find itself in the gallery.
    """
    once: NDArray[np.bool_] = validation.copy()
    for rows in same_content(database.paths):
        once[rows] = False
    return once


def validation_rows(database: Database) -> NDArray[np.bool_]:
    """(n,): True for the images that choose the thresholds of a network trained on the others."""
    return without_twins(database, validation_images(database.identity, database.dataset))


def individual_folds(identity: NDArray[np.str_]) -> NDArray[np.intp]:
    """(n,) 0 to FOLDS - 1: the images of an individual are in one fold.

    Curves and weights are fitted on the same images on which thresholds are chosen; there a query
    is scored by what was fitted without its fold.
    """
    names, code = np.unique(identity, return_inverse=True)
    return np.asarray(np.random.default_rng(0).permutation(len(names))[code] % FOLDS)
