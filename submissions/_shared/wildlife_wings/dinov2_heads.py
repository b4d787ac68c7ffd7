"""The two classifiers on the features, as plain arrays, and the score of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Array = NDArray[np.float64]
SCORES = ("max", "mean", "mlp", "sgd")


class HybridMLP(nn.Module):
    """features -> widths -> 2 logits (non-hybrid, hybrid); batch norm and ReLU between.

    With features 1536 and widths 1024, 1024, 512 it has the published layers `classifier.N.weight`
    (linear 0, 3, 6, 9; batch norm 1, 4, 7).
    """

    def __init__(self, features: int, widths: Sequence[int]) -> None:
        super().__init__()
        sizes = [features, *widths]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU()]
        self.classifier = nn.Sequential(*layers, nn.Linear(sizes[-1], 2))

    def forward(self, features: Tensor) -> Tensor:
        """Return logits (n, 2) for (n, features)."""
        logits: Tensor = self.classifier(features)
        return logits


@dataclass(frozen=True)
class CalibratedLinear:
    """Linear classifiers of k folds, each with a sigmoid: the mean of their probabilities.

    coefficients (k, d), intercepts (k,); the probability of fold j at decision value t is
    1 / (1 + exp(a[j] * t + b[j])), as in scikit-learn's CalibratedClassifierCV.
    """

    coefficients: Array
    intercepts: Array
    a: Array
    b: Array

    def log_odds(self, features: Array) -> float:
        """Return the log-odds of the mean hybrid probability for features (d,); never saturates."""
        decision = (self.coefficients * features).sum(axis=1) + self.intercepts
        fold = -(self.a * decision + self.b)
        # log p = -log(1 + exp(-z)), and likewise for 1 - p with the sign turned.
        hybrid = np.logaddexp.reduce(-np.logaddexp(0.0, -fold))
        other = np.logaddexp.reduce(-np.logaddexp(0.0, fold))
        return float(hybrid - other)

    def arrays(self) -> dict[str, Array]:
        """Return names and arrays as in weights/heads.npz."""
        return {f"sgd.{name}": getattr(self, name) for name in self.__annotations__}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> CalibratedLinear:
        """Return the classifiers that `arrays` described."""
        return cls(*(np.asarray(arrays[f"sgd.{name}"]) for name in cls.__annotations__))


def combined(score: str, mlp: float, sgd: float) -> float:
    """Return the log-odds of the published score, from those of the two hybrid probabilities.

    The log-odds rise with the probability, so the larger of them is that of the larger
    probability: images rank as by max(softmax, SGD probability), without its ties at 1.0000.
    """
    if score == "max":
        return max(mlp, sgd)
    if score == "mlp":
        return mlp
    if score == "sgd":
        return sgd
    if score == "mean":
        both = np.array([mlp, sgd])
        hybrid = np.logaddexp.reduce(-np.logaddexp(0.0, -both))
        return float(hybrid - np.logaddexp.reduce(-np.logaddexp(0.0, both)))
    raise ValueError(f"score is {score!r}, expected one of {SCORES}")


def read_heads(
    arrays: Mapping[str, Array], features: int, widths: Sequence[int]
) -> tuple[HybridMLP, CalibratedLinear]:
    """Read both classifiers from `classifier.*` and `sgd.*`, in double precision.

    Raises ValueError where arrays are missing or of another shape.
    """
    mlp = HybridMLP(features, widths).double().eval()
    layers = {n: torch.from_numpy(np.asarray(arrays[n])) for n in arrays if n.startswith("class")}
    try:
        mlp.load_state_dict(layers)
        linear = CalibratedLinear.from_arrays(arrays)
    except (RuntimeError, KeyError) as error:
        raise ValueError(f"the heads' weights do not fit config.json: {error}") from None
    if linear.coefficients.shape[1] != features:
        raise ValueError(
            f"the heads' sgd.coefficients have {linear.coefficients.shape[1]} columns, but the "
            f"backbone gives {features} features"
        )
    return mlp, linear
