"""Two rules that need no known queries, for comparison with the chosen threshold.

Both use the scores of animals against individuals that they are not: the best scores of the new
individuals on the splits of the database (training/reid/thresholds/splits.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import genextreme

from training.reid.thresholds.choose import Predictions
from training.reid.thresholds.nearest import Scores

MAD = 1.4826  # times the median absolute deviation: the standard deviation of a normal
# z = (d - median) / (MAD x mad) of distances; the best of a published grid is -0.6 to -0.9 (DS@GT,
# arXiv 2509.12353), where d below it is known. In scores, where higher is nearer, it is +0.75.
ROBUST_Z = 0.75
NEW_RIGHT = 0.9  # share of new individuals that the extreme-value rule wants to be called new


def new_scores(rounds: Sequence[Predictions]) -> Scores:
    """Finite best scores of the new individuals, over all rounds."""
    scores = np.concatenate([one.score[one.new] for one in rounds])
    return np.asarray(scores[np.isfinite(scores)])


def robust_z_threshold(rounds: Sequence[Predictions]) -> float:
    """The score whose robust z is ROBUST_Z."""
    values = new_scores(rounds)
    median = np.median(values)
    return float(median + ROBUST_Z * MAD * np.median(np.abs(values - median)))


def extreme_value_threshold(rounds: Sequence[Predictions]) -> float:
    """The NEW_RIGHT quantile of a generalised extreme value distribution of the scores.

    The best of many scores against others has such a distribution in the limit. Equal scores have
    no shape to fit; then the threshold is that score.
    """
    values = new_scores(rounds)
    if np.ptp(values) < 1e-12:
        return float(values[0])
    return float(genextreme.ppf(NEW_RIGHT, *genextreme.fit(values)))
