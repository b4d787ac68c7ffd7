"""Find images whose label a classifier that did not learn from them does not believe.

Confident learning (Northcutt et al., 2021, arXiv:1911.00068), its simplest rule: a label is wrong
where another family gets at least the mean confidence that this family's own images give it.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from training.family.filters.frame import Features, Flags, Given

FOLDS = 5
_STRENGTH = 0.01  # of the logistic regression (C), for features of a thousand dimensions


def confidences(features: Features, family: NDArray[np.str_], seed: int) -> NDArray[np.float64]:
    """Return (n, families) probabilities, each row by a classifier that did not see the image."""
    names = np.unique(family)
    found = np.zeros((len(features), len(names)))
    for train, test in _folds(family, seed):
        model = LogisticRegression(C=_STRENGTH, class_weight="balanced", max_iter=200)
        model.fit(features[train], family[train])
        columns = np.searchsorted(names, model.classes_)
        found[np.ix_(test, columns)] = model.predict_proba(features[test])
    return found


def _folds(family: NDArray[np.str_], seed: int) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return the rows to learn from and to judge, for each fold."""
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # The rare families together may still be fewer than the folds; some folds lack them then.
        warnings.simplefilter("ignore", UserWarning)
        return list(splitter.split(np.zeros(len(family)), _at_least(family)))


def _at_least(family: NDArray[np.str_]) -> NDArray[np.str_]:
    """Return labels to split by: families of fewer images than folds count as one."""
    names, counts = np.unique(family, return_counts=True)
    few = names[counts < FOLDS]
    return np.where(np.isin(family, few), "", family)


def flag(given: Given) -> Flags:
    """Flag images that another family claims with confidence."""
    family = given.collection.family
    names, labels = np.unique(family, return_inverse=True)
    found = confidences(given.features, family, given.seed)
    own = found[np.arange(len(labels)), labels]
    usual = np.array([own[labels == k].mean() for k in range(len(names))])
    claims = np.where(found >= usual, found, 0.0)
    claims[np.arange(len(labels)), labels] = 0.0
    return np.asarray((claims.max(axis=1) > own) & (found.argmax(axis=1) != labels))
