"""Logistic regression with balanced weights, on features of several views of each image."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import cross_entropy

from training.common.cache import Features
from training.common.errors import TrainingError
from training.family.heads.losses import balanced_weights
from wildlife_family.networks import Head

STEPS = 60  # of LBFGS, at most
_LEAST_VARIANCE = 1e-6
NEVER = -30.0  # the bias of a family without a training image


def fit_logistic(
    features: Features, labels: NDArray[np.intp], families: int, strength: float
) -> Head:
    """Return a linear head on standardised features; it minimises the weighted cross entropy.

    Args:
        features: (n, m, d), of m views of each image, each of which is an example.
        labels: (n,) the families by number.
        families: how many there are; one without an image is never named.
        strength: of the data against the penalty, scikit-learn's C.

    Raises TrainingError where the loss is not finite.
    """
    rows = torch.from_numpy(np.ascontiguousarray(features)).flatten(0, 1)
    targets = torch.from_numpy(labels).repeat_interleave(features.shape[1])
    weights = torch.from_numpy(balanced_weights(labels, families))[targets]
    head = Head(rows.shape[1], families, [], 0.0)
    norm = head.norm
    assert isinstance(norm.running_mean, torch.Tensor)
    assert isinstance(norm.running_var, torch.Tensor)
    norm.running_mean.copy_(rows.mean(dim=0))
    norm.running_var.copy_(rows.var(dim=0, unbiased=False).clamp(min=_LEAST_VARIANCE))
    head.eval()
    with torch.inference_mode():
        scaled = norm(rows)
    _minimise(head.classifier, scaled.clone(), targets, weights, strength)
    missing = torch.from_numpy(np.bincount(labels, minlength=families) == 0)
    with torch.no_grad():
        head.classifier.bias[missing] = NEVER
    return head


def _minimise(
    layer: nn.Linear,
    rows: torch.Tensor,
    targets: torch.Tensor,
    weights: torch.Tensor,
    strength: float,
) -> None:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    optimiser = torch.optim.LBFGS(
        layer.parameters(), max_iter=STEPS, history_size=10, line_search_fn="strong_wolfe"
    )

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        own = cross_entropy(layer(rows), targets, reduction="none") * weights
        found = own.mean() + layer.weight.square().sum() / (2 * strength * len(rows))
        found.backward()  # type: ignore[no-untyped-call]
        return found

    value = float(optimiser.step(loss).detach())  # type: ignore[no-untyped-call]
    if not np.isfinite(value):
        raise TrainingError(f"the loss of the logistic regression is {value}: damaged features?")
