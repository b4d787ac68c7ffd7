"""Two rules that need no known queries, to compare the chosen threshold with.

Both look at the scores of animals against individuals that they are not: of the calibration's
answers, the best scores of new individuals (threshold_holdout.py), which have no other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import genextreme

from training.reid.thresholds.calibrate import Answers, Floats

MAD = 1.4826  # times the median absolute deviation: the standard deviation of a normal
# z = (d - median) / (MAD x mad) of distances; the best of a published grid is -0.6 to -0.9 (DS@GT,
# arXiv 2509.12353), where d below it is known. In scores, where higher is nearer, it is +0.75.
ROBUST_Z = 0.75
KEPT = 0.9  # of new individuals, whom the extreme-value rule wants to be called new


def new_scores(rounds: Sequence[Answers]) -> Floats:
    """Finite best scores of the new individuals, over all rounds."""
    found = np.concatenate([one.score[one.new] for one in rounds])
    return found[np.isfinite(found)]


def robust_z_threshold(rounds: Sequence[Answers]) -> float:
    """The score whose robust z is ROBUST_Z."""
    values = new_scores(rounds)
    middle = np.median(values)
    return float(middle + ROBUST_Z * MAD * np.median(np.abs(values - middle)))


def extreme_value_threshold(rounds: Sequence[Answers]) -> float:
    """The KEPT quantile of a generalised extreme value distribution of the scores.

    The best of many scores against others has such a distribution in the limit. Equal scores have
    no shape to fit; then it is that score.
    """
    values = new_scores(rounds)
    if np.ptp(values) < 1e-12:
        return float(values[0])
    return float(genextreme.ppf(KEPT, *genextreme.fit(values)))
