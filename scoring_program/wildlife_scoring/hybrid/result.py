"""What scoring a hybrid table gives, and the counts that log and report show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wildlife_scoring.hybrid.metrics import GROUPS, Evaluation
from wildlife_scoring.metrics import BoolArray, FloatArray


@dataclass(frozen=True)
class Scored:
    """The aligned rows in the reference's order, and their evaluation; arrays of shape (rows,)."""

    names: Sequence[str]
    hybrid: BoolArray
    group: NDArray[np.str_]
    scores: FloatArray
    evaluation: Evaluation


def group_counts(scored: Scored) -> dict[str, tuple[int, int]]:
    """Count the hybrids and the non-hybrids of each group, in this order."""
    counts = {}
    for name in GROUPS:
        members = scored.hybrid[scored.group == name]
        hybrids = int(np.count_nonzero(members))
        counts[name] = (hybrids, len(members) - hybrids)
    return counts
