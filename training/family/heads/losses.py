"""The loss of a head: class weights, label smoothing, focal loss, mixed features."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import log_softmax

from training.family.heads.recipe import HeadRecipe


def balanced_weights(labels: NDArray[np.intp], families: int) -> NDArray[np.float32]:
    """Return (families,) weights n / (families x images), as scikit-learn's `balanced`.

    A family without an image has weight 0.
    """
    counts = np.bincount(labels, minlength=families)
    present = int((counts > 0).sum())
    weights = len(labels) / (present * np.maximum(counts, 1)) * (counts > 0)
    return np.asarray(weights, dtype=np.float32)


class FamilyLoss:
    """Logits (b, families) and targets (b, families), which sum to 1 -> the mean loss."""

    def __init__(self, recipe: HeadRecipe, labels: NDArray[np.intp], families: int) -> None:
        """labels: of the training images, whose counts give the class weights."""
        self._recipe, self._families = recipe, families
        weights = balanced_weights(labels, families)
        self._weights = torch.from_numpy(weights if recipe.class_weights else np.ones_like(weights))

    def targets(self, labels: Tensor) -> Tensor:
        """Return (b, families) targets of labels (b,)."""
        certain = torch.nn.functional.one_hot(labels, self._families).float()
        smoothing = self._recipe.smoothing
        return certain * (1 - smoothing) + smoothing / self._families

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        logs = log_softmax(logits, dim=1)
        parts = -targets * logs * (1 - logs.exp()) ** self._recipe.focal
        weight = targets @ self._weights  # of each image, by its family or its mixture
        return (parts.sum(dim=1) * weight).sum() / weight.sum().clamp(min=1e-9)


def mixed(
    features: Tensor, targets: Tensor, alpha: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return features (b, d) and targets (b, families) of which each is mixed with another one."""
    if alpha <= 0:
        return features, targets
    # Beta(alpha, alpha) from two gammas, which torch draws from the global generator only.
    seed = int(torch.randint(2**31, (1,), generator=generator))
    share = float(np.random.default_rng(seed).beta(alpha, alpha))
    order = torch.randperm(len(features), generator=generator)
    return (
        share * features + (1 - share) * features[order],
        share * targets + (1 - share) * targets[order],
    )
