"""Compare two settings that were measured with the same seeds, folds or both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def mean_and_range(values: Sequence[float]) -> str:
    """Return the mean of values (n,), with their range where there are several."""
    ends = f" ({min(values):.3f} to {max(values):.3f})" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{ends}"


def paired_difference(values: Sequence[float], baseline: Sequence[float]) -> str:
    """Return the mean of `values - baseline`, (n,) each, pair by pair, with its standard error.

    With one pair there is no standard error. Raises ValueError: the lengths differ.
    """
    if len(values) != len(baseline):
        raise ValueError(f"expected pairs, found {len(values)} values and {len(baseline)}")
    differences = np.subtract(values, baseline)
    shown = f"{differences.mean():+.3f}"
    if len(differences) == 1:
        return shown
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    return f"{shown} ± {error:.3f}"
