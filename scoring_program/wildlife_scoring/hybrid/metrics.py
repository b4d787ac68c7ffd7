"""The metrics of the hybrid track: does an image show a hybrid?

Species A consists of the groups `major` (hybrids of the pair that training shows) and `minor`
(hybrids of other pairs); the group `mimic` is another species. Species A and the mimic each get a
threshold of their own. The values are those of the official program of the Imageomics HDR anomaly
challenge (scoring_program/score_combined.py), which tries every threshold in a loop; here one sort
finds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wildlife_scoring.metrics import (
    BoolArray,
    FloatArray,
    average_precision,
    share_above,
    threshold_at_tnr,
)

GROUPS = ("major", "minor", "mimic")
SPECIES_OF_GROUP = {"major": "A", "minor": "A", "mimic": "mimic"}
TNR = 0.95  # the share of non-hybrids that has to stay at or below the threshold
DECIMALS = 4


@dataclass(frozen=True)
class Threshold:
    """The threshold of one species, and the share of its non-hybrids that score at or below it."""

    value: float
    tnr: float


def score(
    hybrid_stat: ArrayLike, ssp_indicator: ArrayLike, scores: ArrayLike, tnr: float = TNR
) -> dict[str, float]:
    """Return the eight leaderboard values, in the leaderboard's order.

    hybrid_stat: (n,) of 0 and 1; ssp_indicator: (n,) of "major", "minor" and "mimic"; scores: (n,)
    finite numbers, higher = more likely a hybrid, compared after rounding to 4 decimals; tnr: the
    share of non-hybrids that stays at or below the threshold, 0 < tnr <= 1.
    Raises ValueError for anything else, and where a group lacks hybrids or non-hybrids: its metrics
    are undefined then, and the message names it.
    """
    return evaluate(hybrid_stat, ssp_indicator, scores, tnr).scores


@dataclass(frozen=True)
class Evaluation:
    """The leaderboard's scores, and the threshold by species ("A", "mimic") that they rest on."""

    scores: dict[str, float]
    thresholds: dict[str, Threshold]


def evaluate(
    hybrid_stat: ArrayLike, ssp_indicator: ArrayLike, scores: ArrayLike, tnr: float = TNR
) -> Evaluation:
    """Score like `score`, and keep the thresholds."""
    if not 0 < tnr <= 1:
        raise ValueError(f"tnr must lie in (0, 1], got {tnr}")
    hybrid, group, values = _checked(hybrid_stat, ssp_indicator, scores)
    undefined = undefined_groups(hybrid, group)
    if undefined:
        raise ValueError("undefined metric: " + "; ".join(undefined))

    mimic = group == "mimic"
    rows = {"A": ~mimic, "major": group == "major", "minor": group == "minor", "mimic": mimic}
    thresholds = {s: _threshold(hybrid[rows[s]], values[rows[s]], tnr) for s in ("A", "mimic")}
    recall = {
        g: share_above(values[rows[g] & hybrid], thresholds[SPECIES_OF_GROUP[g]].value)
        for g in GROUPS
    }
    precision = {g: average_precision(hybrid[r], values[r]) for g, r in rows.items()}
    return Evaluation(
        scores={
            "challenge_score": harmonic_mean([recall[g] for g in GROUPS]),
            "A_score_major_recall": recall["major"],
            "A_score_minor_recall": recall["minor"],
            "A_PRC_AUC": precision["A"],
            "A_PRC_AUC_major": precision["major"],
            "A_PRC_AUC_minor": precision["minor"],
            "mimic_recall": recall["mimic"],
            "mimic_PRC_AUC": precision["mimic"],
        },
        thresholds=thresholds,
    )


def undefined_groups(hybrid: BoolArray, group: NDArray[np.str_]) -> list[str]:
    """Write a sentence for each group that lacks a class, so that its metrics are undefined."""
    sentences = []
    for name in GROUPS:
        members = hybrid[group == name]
        hybrids = int(np.count_nonzero(members))
        if not 0 < hybrids < len(members):
            sentences.append(
                f"group '{name}' has {hybrids} hybrids and {len(members) - hybrids} non-hybrids, "
                "and needs at least one of each"
            )
    return sentences


def round_scores(scores: ArrayLike) -> FloatArray:
    """Round scores of shape (n,) to 4 decimals exactly as Python rounds and prints them."""
    values = np.asarray(scores, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # of huge values, which are "hard" below
        rounded = np.round(values, DECIMALS)
        from_tie = np.abs(values * 10**DECIMALS % 1 - 0.5)
    # np.round multiplies first, and the product's error can push a value over the middle between
    # two results; round() works on the exact decimal. Scores of 4 decimals need it nowhere.
    hard = ~((np.abs(values) < 1e6) & (from_tie > 1e-4))
    rounded[hard] = [round(value, DECIMALS) for value in values[hard].tolist()]
    return rounded


def harmonic_mean(values: Sequence[float]) -> float:
    """Return the harmonic mean of non-negative values; 0 as soon as one of them is 0."""
    if min(values) == 0:
        return 0.0
    return len(values) / sum(1 / value for value in values)


def _threshold(hybrid: BoolArray, values: FloatArray, tnr: float) -> Threshold:
    threshold = threshold_at_tnr(hybrid, values, tnr)
    at_or_below = np.count_nonzero(values[~hybrid] <= threshold)
    return Threshold(threshold, float(at_or_below / np.count_nonzero(~hybrid)))


def _checked(
    hybrid_stat: ArrayLike, ssp_indicator: ArrayLike, scores: ArrayLike
) -> tuple[BoolArray, NDArray[np.str_], FloatArray]:
    stat, group = np.asarray(hybrid_stat), np.asarray(ssp_indicator, dtype=np.str_)
    values = np.asarray(scores, dtype=np.float64)
    if not (stat.ndim == 1 and stat.shape == group.shape == values.shape):
        raise ValueError(
            "hybrid_stat, ssp_indicator and scores must be three lists of one length, "
            f"got shapes {stat.shape}, {group.shape} and {values.shape}"
        )
    if not np.isin(stat, (0, 1)).all():
        raise ValueError("hybrid_stat must hold 0 and 1 only")
    if not np.isin(group, GROUPS).all():
        raise ValueError(f"ssp_indicator must hold {', '.join(GROUPS)} only")
    if not np.isfinite(values).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(values))} scores are not finite")
    return stat == 1, group, round_scores(values)
