"""What a network's probabilities are worth: the leaderboard's scores, and how honest they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wildlife_family.taxonomy import Taxonomy, masked, probabilities
from wildlife_scoring.family.metrics import score

Logits = NDArray[np.float64]
BINS = 15  # of confidence, as in Guo et al. 2017
# Short titles of what `measured` returns, for tables.
TITLES = {
    "accuracy": "accuracy",
    "masked_accuracy": "masked",
    "balanced_accuracy": "balanced",
    "f1_macro": "macro F1",
    "masked_f1_macro": "masked macro F1",
    "f1_micro": "micro F1",
    "f1_weighted": "weighted F1",
    "calibration_error": "ECE",
}


def calibration_error(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int = BINS
) -> float:
    """Return the expected calibration error: |accuracy - mean confidence|, the mean over images.

    confidence: (n,) the probability of each answer; right: (n,). Bins of equal width; an empty
    one counts nothing. Source: Guo et al., On Calibration of Modern Neural Networks, 2017.
    """
    place = np.minimum((confidence * bins).astype(np.intp), bins - 1)
    gaps = np.bincount(place, right.astype(np.float64) - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


@dataclass(frozen=True)
class Answers:
    """Logits (n, families) of images, and what is true: family and phylum, (n,) each."""

    taxonomy: Taxonomy
    logits: Logits
    family: NDArray[np.str_]
    phylum: NDArray[np.str_]

    def named(self, logits: Logits) -> NDArray[np.str_]:
        """Return the likeliest family (n,) by logits (n, families)."""
        return np.array([self.taxonomy.families[k] for k in logits.argmax(axis=1).tolist()])


def measured(answers: Answers) -> dict[str, float]:
    """Return all measures of TITLES; the masked ones know the images' phyla."""
    ruled = masked(answers.logits, answers.taxonomy.possible(answers.phylum.tolist()))
    named = answers.named(answers.logits)
    free, phylum = score(answers.family, named), score(answers.family, answers.named(ruled))
    confidence = probabilities(answers.logits).max(axis=1)
    found = {
        **free,
        "masked_accuracy": phylum["accuracy"],
        "masked_f1_macro": phylum["f1_macro"],
        "calibration_error": calibration_error(confidence, named == answers.family),
    }
    return {name: found[name] for name in TITLES}


def mean_of(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each measure over repeats."""
    return {name: float(np.mean([one[name] for one in found])) for name in TITLES}
