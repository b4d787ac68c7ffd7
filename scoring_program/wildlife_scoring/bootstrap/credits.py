"""What each image earns a submission, so that a fall of the scores can be traced to images.

Scores: the share of the images of the other class, in its group, that stand on the right side of
the image, ties counting half; AUROC is the mean of it over the positives. Labels: 1 where the
label is right. Only the order of scores counts: another scale of the scores changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from wildlife_scoring.bootstrap.tracks import is_new
from wildlife_scoring.hybrid.metrics import round_scores
from wildlife_scoring.metrics import BoolArray, FloatArray
from wildlife_scoring.reid.metrics import NEW
from wildlife_scoring.tables import Aligned
from wildlife_scoring.tracks import Track


def pairs_in_order(positive: BoolArray, scores: FloatArray) -> FloatArray:
    """Return (n,): for each row the share of the other class's rows on its right side.

    0 for all where a class is empty.
    """
    found = np.zeros(len(scores))
    of_class = {which: np.sort(scores[positive == which]) for which in (True, False)}
    if not all(len(values) for values in of_class.values()):
        return found
    for which, others in ((True, of_class[False]), (False, of_class[True])):
        mine = scores[positive == which]
        sides = [np.searchsorted(others, mine, side) for side in ("left", "right")]
        below = (sides[0] + sides[1]) / 2 / len(others)
        found[positive == which] = below if which else 1 - below
    return found


def _hybrid(aligned: Aligned) -> FloatArray:
    positive = np.array(aligned.truth["hybrid_stat"]) == "1"
    mimic = np.array(aligned.truth["ssp_indicator"]) == "mimic"
    scores, found = round_scores(aligned.predicted), np.zeros(len(positive))
    for rows in (mimic, ~mimic):
        found[rows] = pairs_in_order(positive[rows], scores[rows])
    return found


def _anomaly(aligned: Aligned) -> FloatArray:
    return pairs_in_order(np.array(aligned.truth["anomaly"]) == "1", aligned.predicted)


def _reid(aligned: Aligned) -> FloatArray:
    names, answers = np.array(aligned.truth["identity"]), _texts(aligned.predicted)
    unknown = np.isin(names, names[is_new(aligned)])
    return _as_floats(np.where(unknown, answers == NEW, answers == names))


def _family(aligned: Aligned) -> FloatArray:
    return _as_floats(np.array(aligned.truth["family"]) == _texts(aligned.predicted))


def _as_floats(right: BoolArray) -> FloatArray:
    return np.asarray(right, dtype=np.float64)


def _texts(labels: NDArray[np.object_]) -> NDArray[np.str_]:
    return np.asarray(labels, dtype=np.str_)


CREDITS: Mapping[str, Callable[[Aligned], FloatArray]] = {
    "hybrid": _hybrid,
    "reid": _reid,
    "anomaly": _anomaly,
    "family": _family,
}
# The column that says what was right, by track.
TRUTH = {"hybrid": "hybrid_stat", "reid": "identity", "anomaly": "anomaly", "family": "family"}


def credits_of(track: Track, aligned: Aligned) -> FloatArray:
    """Return what each image earns, (rows,), 0 to 1. Raises KeyError for a track without it."""
    return CREDITS[track.name](aligned)
