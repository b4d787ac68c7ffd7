"""The metrics of the reid track: which known individual does an image show, or is it a new one?

In each dataset (species) BAKS is the mean over the known individuals of the share of their images
that are named right, and BAUS the mean over the new individuals of the share of their images that
are named `new_individual`: an individual with one image counts as much as one with forty. The
score of a dataset is sqrt(BAKS x BAUS), and the leaderboard's `geometric_mean` is the plain mean of
that over the datasets, not the root of averaged sides. These are the definitions of AnimalCLEF 2025
(WildlifeDatasets/wildlife-datasets, metrics/metrics.py and baselines/AnimalCLEF2025), whose numbers
the tests hold this module equal to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wildlife_scoring.metrics import BoolArray, FloatArray

NEW = "new_individual"
TOTALS = ("geometric_mean", "BAKS", "BAUS")
Codes = NDArray[np.intp]


@dataclass(frozen=True)
class Curve:
    """BAKS and BAUS of one dataset where "new" means "best score below the threshold".

    Three arrays of shape (distinct scores + 1,): thresholds ascend, the last one is inf, where all
    images are new. A side without individuals is NaN throughout.
    """

    threshold: FloatArray
    baks: FloatArray
    baus: FloatArray

    @property
    def score(self) -> FloatArray:
        """sqrt(BAKS x BAUS) at each threshold, an empty side counting 0."""
        return np.sqrt(np.nan_to_num(self.baks) * np.nan_to_num(self.baus))


def sides(
    identity: ArrayLike, new_identity: ArrayLike, predicted: ArrayLike
) -> tuple[float, float]:
    """Return BAKS and BAUS of one dataset; NaN for a side that has no individuals.

    identity: (n,) true individuals, text; new_identity: (n,) booleans, and an individual is new as
    soon as one of its rows says so; predicted: (n,) text, where None and NaN count as wrong.
    Raises ValueError for other shapes and kinds, an empty identity, and one called NEW.
    """
    names, new, answers = _checked(identity, new_identity, predicted)
    code, unknown = _individuals(names, new)
    return _sides(code, unknown, _right(names, unknown, answers))


def dataset_score(identity: ArrayLike, new_identity: ArrayLike, predicted: ArrayLike) -> float:
    """Return sqrt(BAKS x BAUS) of one dataset, an empty side counting 0; see `sides`."""
    baks, baus = sides(identity, new_identity, predicted)
    return _root(baks, baus)


def score(
    identity: ArrayLike, dataset: ArrayLike, new_identity: ArrayLike, predicted: ArrayLike
) -> dict[str, float]:
    """Return the leaderboard's values: the three of TOTALS, then the same for each dataset.

    The latter have the keys `DATASET_geometric_mean`, `DATASET_BAKS` and `DATASET_BAUS`, sorted by
    name.

    All arguments have shape (n,), n >= 1; see `sides`. Which individuals are new is decided over
    all rows at once, as the official program does. A side without individuals counts 0, in its
    dataset and in the means over the datasets; nothing here is NaN. Raises ValueError as `sides`
    does, and for an empty table or dataset name.
    """
    names, new, answers = _checked(identity, new_identity, predicted)
    datasets = _texts(dataset, "dataset")
    if not names or len(datasets) != len(names):
        raise ValueError(
            f"expected one dataset for each of at least one row, found {len(datasets)} for "
            f"{len(names)} rows"
        )
    if "" in datasets:
        raise ValueError(f"{datasets.count('')} rows with an empty dataset")
    return _means(_by_dataset(names, datasets, new, answers))


def _by_dataset(
    names: list[str], datasets: list[str], new: BoolArray, answers: list[str]
) -> dict[str, tuple[float, float, float]]:
    """Return the values of TOTALS by dataset, sorted by its name."""
    code, unknown = _individuals(names, new)
    right = _right(names, unknown, answers)
    place, titles = _codes(datasets)
    groups = np.split(np.argsort(place, kind="stable"), np.cumsum(np.bincount(place))[:-1])
    found = {}
    for title, rows in sorted(zip(titles, groups, strict=True), key=lambda item: item[0]):
        baks, baus = _sides(code[rows], unknown[rows], right[rows])
        found[title] = (_root(baks, baus), _or_zero(baks), _or_zero(baus))
    return found


def _means(by_dataset: dict[str, tuple[float, float, float]]) -> dict[str, float]:
    """Return the means over the datasets, then each dataset's values under its own keys."""
    columns = zip(*by_dataset.values(), strict=True)
    count = len(by_dataset)
    values = {key: math.fsum(column) / count for key, column in zip(TOTALS, columns, strict=True)}
    for title, three in by_dataset.items():
        values |= {f"{title}_{key}": value for key, value in zip(TOTALS, three, strict=True)}
    return values


def threshold_curve(
    identity: ArrayLike, new_identity: ArrayLike, nearest: ArrayLike, scores: ArrayLike
) -> Curve:
    """Return BAKS and BAUS of one dataset at every threshold that changes a decision.

    nearest: (n,) text, the best candidate of each row; scores: (n,), higher = more alike, and -inf
    where there is no candidate. At threshold t a row is answered with `nearest` where its score
    >= t, and with NEW below. Raises ValueError as `sides` does, for scores that are NaN or inf, and
    for NEW among `nearest`.
    """
    names, new, best = _checked(identity, new_identity, nearest)
    if NEW in best:
        raise ValueError(f"nearest must name individuals, found {NEW!r}")
    values = np.asarray(scores, dtype=np.float64)
    if values.shape != (len(names),) or not np.all(values < np.inf):  # NaN is not either
        raise ValueError(f"expected {len(names)} scores, not NaN and below inf: {values.shape}")
    code, unknown = _individuals(names, new)
    weight = _weights(code, unknown)
    right = _right(names, unknown, best)
    steps, place = np.unique(values, return_inverse=True)
    gained = np.bincount(place, weight * right, minlength=len(steps))
    spared = np.bincount(place, weight * unknown, minlength=len(steps))
    baks = np.append(np.cumsum(gained[::-1])[::-1], 0.0)
    baus = np.append(0.0, np.cumsum(spared))
    nothing = np.full(len(steps) + 1, np.nan)
    return Curve(
        threshold=np.append(steps, np.inf),
        baks=np.clip(baks, 0, 1) if not unknown.all() else nothing,
        baus=np.clip(baus, 0, 1) if unknown.any() else nothing,
    )


def _individuals(names: list[str], new: BoolArray) -> tuple[Codes, BoolArray]:
    """The number of each row's individual, and whether some row calls that individual new."""
    code, titles = _codes(names)
    return code, (np.bincount(code, new, minlength=len(titles)) > 0)[code]


def _right(names: list[str], unknown: BoolArray, answers: list[str]) -> BoolArray:
    given, wanted = (np.array(texts, dtype=object) for texts in (answers, names))
    return np.asarray(np.where(unknown, given == NEW, given == wanted), dtype=np.bool_)


def _sides(code: Codes, unknown: BoolArray, right: BoolArray) -> tuple[float, float]:
    return _side(code[~unknown], right[~unknown]), _side(code[unknown], right[unknown])


def _side(code: Codes, right: BoolArray) -> float:
    """The mean over the individuals of their share of right rows; NaN where there are none."""
    if not len(code):
        return math.nan
    _, place = np.unique(code, return_inverse=True)
    shares = np.bincount(place, right) / np.bincount(place)
    # fsum is exact, so that the order of the rows does not reach the last digit.
    return math.fsum(shares.tolist()) / len(shares)


def _weights(code: Codes, unknown: BoolArray) -> FloatArray:
    """What one row adds to its side: 1 / (individuals of the side x rows of its individual)."""
    new_individuals = len(np.unique(code[unknown]))
    known_individuals = len(np.unique(code[~unknown]))
    return 1 / (np.where(unknown, new_individuals, known_individuals) * np.bincount(code)[code])


def _codes(texts: list[str]) -> tuple[Codes, list[str]]:
    """Each text's number, (n,), and the texts by number. A dictionary: sorting would be slower."""
    titles = list(dict.fromkeys(texts))
    number = dict(zip(titles, range(len(titles)), strict=True))
    return np.fromiter(map(number.__getitem__, texts), np.intp, len(texts)), titles


def _root(baks: float, baus: float) -> float:
    return math.sqrt(_or_zero(baks) * _or_zero(baus))


def _or_zero(side: float) -> float:
    return 0.0 if math.isnan(side) else side


def _checked(
    identity: ArrayLike, new_identity: ArrayLike, predicted: ArrayLike
) -> tuple[list[str], BoolArray, list[str]]:
    names, answers = _texts(identity, "identity"), _texts(predicted, "predicted", gaps=True)
    new = np.asarray(new_identity)
    if not (new.shape == (len(names),) and len(answers) == len(names)):
        raise ValueError(
            "identity, new_identity and predicted must be three lists of one length, "
            f"got {len(names)}, shape {new.shape} and {len(answers)}"
        )
    if new.dtype != np.bool_ and len(names):
        raise ValueError(f"new_identity must hold booleans only, found {new.dtype}")
    if "" in names:
        raise ValueError(f"{names.count('')} rows with an empty identity")
    if NEW in names:
        raise ValueError(f"{names.count(NEW)} rows whose true identity is {NEW!r}, an answer")
    return names, new.astype(np.bool_), answers


def _texts(values: ArrayLike, what: str, *, gaps: bool = False) -> list[str]:
    """A column as texts; gaps: None and NaN become "", which no individual is called."""
    # Not np.asarray(values): next to a text it would turn NaN into "nan".
    array = values if isinstance(values, np.ndarray) else np.array(values, dtype=object)
    if array.ndim != 1:
        raise ValueError(f"{what} must be one list, got shape {array.shape}")
    items: list[Any] = array.tolist()
    if array.dtype.kind != "U":
        items = ["" if gaps and _is_gap(item) else item for item in items]
        wrong = [item for item in items if not isinstance(item, str)]
        if wrong:
            raise ValueError(
                f"{what} must hold text only, found {len(wrong)} others, such as {wrong[0]!r}"
            )
    return items


def _is_gap(item: object) -> bool:
    return item is None or (isinstance(item, float) and math.isnan(item))
