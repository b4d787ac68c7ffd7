"""What scoring an anomaly table gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wildlife_scoring.anomaly.metrics import Evaluation
from wildlife_scoring.metrics import BoolArray, FloatArray


@dataclass(frozen=True)
class Scored:
    """The aligned rows in the reference's order, and their evaluation; arrays of shape (rows,)."""

    names: Sequence[str]
    anomaly: BoolArray
    species: NDArray[np.object_]
    scores: FloatArray
    evaluation: Evaluation
