"""Compare settings inside the training data: each species plays the unseen one in turn.

In each round one species is left out, and the sequences are cut into folds: a crop is judged by
what was fitted to the other folds' crops of the other species. So every crop gets a score, and
none was fitted on; the left-out species' crops are the anomalies.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.anomaly.species.features import Animals
from training.anomaly.species.fit import Setting, anomalies, fit_space, numbers_of
from wildlife_anomaly.scores import Array, Known
from wildlife_scoring.metrics import auroc

FOLDS = 4


@dataclass(frozen=True)
class Round:
    """Scores (settings, n) of all crops in one round, and which crops are anomalies (n,)."""

    left_out: str
    scores: Array
    anomaly: NDArray[np.bool_]


def folds_of(sequences: NDArray[np.str_]) -> NDArray[np.int64]:
    """Return the fold (n,) of each crop: whole sequences, the same for the same names."""
    names = sorted(set(sequences.tolist()), key=lambda name: (zlib.crc32(name.encode()), name))
    fold = {name: at % FOLDS for at, name in enumerate(names)}
    return np.array([fold[name] for name in sequences.tolist()], dtype=np.int64)


def out_of_fold(animals: Animals, settings: Sequence[Setting], left_out: str = "") -> Array:
    """Return (settings, n) anomalies of all crops, none of which was fitted on."""
    folds = folds_of(animals.sequence)
    scores = np.full((len(settings), len(animals)), np.nan)
    for fold in range(FOLDS):
        fitted, judged = (folds != fold) & (animals.species != left_out), folds == fold
        if not judged.any():
            continue
        _, numbers = numbers_of(animals.species[fitted])
        for kind in {setting.features for setting in settings}:
            features = animals.features[kind]
            space = fit_space(features[fitted])
            known, vectors = Known(space(features[fitted]), numbers), space(features[judged])
            for at, setting in enumerate(settings):
                if setting.features == kind:
                    scores[at, judged] = anomalies(setting, known, vectors)
    return scores


def rounds(animals: Animals, settings: Sequence[Setting]) -> list[Round]:
    """Leave each species out in turn; scores are standardised on the known crops of their round."""
    made = []
    for name in sorted(set(animals.species.tolist())):
        scores = out_of_fold(animals, settings, name)
        anomaly = animals.species == name
        made.append(Round(name, _standardised(scores, ~anomaly), anomaly))
    return made


def _standardised(scores: Array, known: NDArray[np.bool_]) -> Array:
    centre = scores[:, known].mean(axis=1, keepdims=True)
    scale = scores[:, known].std(axis=1, keepdims=True)
    return np.asarray((scores - centre) / np.maximum(scale, 1e-9))


def crop_auroc(one: Round, scores: Array) -> float:
    """Return the AUROC of crops by scores (n,)."""
    return float(auroc(scores[one.anomaly], scores[~one.anomaly]))


def frame_auroc(one: Round, scores: Array, frames: NDArray[np.int64]) -> float:
    """Return the AUROC of frames by the largest score of their crops; NaN without a normal one."""
    numbers = np.unique(frames)
    largest = np.array([scores[frames == number].max() for number in numbers])
    anomaly = np.array([one.anomaly[frames == number].any() for number in numbers])
    if anomaly.all() or not anomaly.any():
        return float("nan")
    return float(auroc(largest[anomaly], largest[~anomaly]))


@dataclass(frozen=True)
class Compared:
    """A setting's mean AUROC over the rounds, of crops and of frames, and the frames' worst."""

    title: str
    crops: float
    frames: float
    worst: float


def compare(
    made: Sequence[Round], frames: NDArray[np.int64], mixes: dict[str, list[int]]
) -> list[Compared]:
    """Return a row for each mix: the numbers of the settings whose mean score is taken."""
    rows = []
    for title, members in mixes.items():
        mean = [one.scores[members].mean(axis=0) for one in made]
        crops = [crop_auroc(one, scores) for one, scores in zip(made, mean, strict=True)]
        whole = [frame_auroc(one, scores, frames) for one, scores in zip(made, mean, strict=True)]
        rows.append(
            Compared(
                title,
                float(np.mean(crops)),
                float(np.nanmean(whole)) if not np.isnan(whole).all() else float("nan"),
                float(np.nanmin(whole)) if not np.isnan(whole).all() else float("nan"),
            )
        )
    return rows
