"""What scoring a family table gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wildlife_scoring.family.metrics import PerFamily

Texts = NDArray[np.object_]


@dataclass(frozen=True)
class Scored:
    """The joined rows in the reference's order; arrays of shape (rows,).

    phylum_of: of each family of the reference; found: its counts; scores: the leaderboard's;
    notes: sentences on what is odd without being wrong.
    """

    names: Sequence[str]
    family: Texts
    predicted: Texts
    phylum_of: dict[str, str]
    found: PerFamily
    scores: dict[str, float]
    notes: Sequence[str]
