"""The metrics of the family track: to which family does the animal belong?

They are scikit-learn's, over the families of the reference: a predicted family that is none of
them is wrong for its image, and a false alarm for no family.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wildlife_scoring.metrics import FloatArray

Counts = NDArray[np.intp]


@dataclass(frozen=True)
class PerFamily:
    """What each family of the reference got; arrays of shape (families,), families sorted by name.

    images: its images; right: those of them that are named right; named: all images that were
    given its name.
    """

    families: Sequence[str]
    images: Counts
    right: Counts
    named: Counts

    @property
    def recall(self) -> FloatArray:
        """The share of each family's images that are named right."""
        return self.right / self.images

    @property
    def precision(self) -> FloatArray:
        """The share of the images given a family's name that belong to it; NaN where none are."""
        with np.errstate(invalid="ignore"):
            return self.right / self.named

    @property
    def f1(self) -> FloatArray:
        """The harmonic mean of recall and precision, 0 where nothing is right."""
        return 2 * self.right / (self.images + self.named)


def score(family: ArrayLike, predicted: ArrayLike) -> dict[str, float]:
    """Return the five leaderboard values, in the leaderboard's order.

    family: (n,) texts, n >= 1, the true families, none empty; predicted: (n,) texts. Raises
    ValueError for anything else.
    """
    return scores_of(per_family(family, predicted))


def scores_of(found: PerFamily) -> dict[str, float]:
    """Return the leaderboard's values from the families' counts."""
    images, right, named = (int(part.sum()) for part in (found.images, found.right, found.named))
    recalls, f1 = found.recall.tolist(), found.f1.tolist()
    weighted = (found.images * found.f1).tolist()
    # fsum is exact, so that the names of the families do not reach the last digit.
    return {
        "accuracy": right / images,
        "balanced_accuracy": math.fsum(recalls) / len(recalls),
        "f1_micro": 2 * right / (images + named),
        "f1_macro": math.fsum(f1) / len(f1),
        "f1_weighted": math.fsum(weighted) / images,
    }


def per_family(family: ArrayLike, predicted: ArrayLike) -> PerFamily:
    """Count the images, the right ones and the named ones of each family; see `score`."""
    truth, answers = _checked(family, predicted)
    images, named = Counter(truth), Counter(answers)
    right = Counter(name for name, answer in zip(truth, answers, strict=True) if name == answer)
    families = sorted(images)
    columns = ([counts[name] for name in families] for counts in (images, right, named))
    return PerFamily(families, *(np.array(column, dtype=np.intp) for column in columns))


def _checked(family: ArrayLike, predicted: ArrayLike) -> tuple[list[str], list[str]]:
    truth, answers = (np.array(texts, dtype=object) for texts in (family, predicted))
    if not (truth.ndim == 1 and truth.shape == answers.shape and len(truth)):
        raise ValueError(
            "family and predicted must be two lists of one length, with at least one row, "
            f"got shapes {truth.shape} and {answers.shape}"
        )
    for what, texts in (("family", truth), ("predicted", answers)):
        wrong = [text for text in texts.tolist() if not isinstance(text, str)]
        if wrong:
            raise ValueError(f"{what} must hold text only, found {wrong[0]!r}")
    if "" in (names := truth.tolist()):
        raise ValueError(f"{names.count('')} rows with an empty family")
    return names, answers.tolist()
