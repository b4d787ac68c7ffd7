"""Frozen features of several towers and views side by side, and one linear head on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.common.cache import Features
from training.family.features import Sight, TowerFeatures
from training.family.heads.logistic import fit_logistic
from training.family.split import repeated_folds
from training.family.towers import TowerRecipe, start_tower, tower_digest
from wildlife_family.towers_of_views import joint_logits

Logits = NDArray[np.float64]
Labels = NDArray[np.intp]
FOLDS, REPEATS = 5, 2


@dataclass(frozen=True)
class Member:
    """A tower and its views of an image."""

    tower: TowerRecipe
    image_size: int
    shares: tuple[float, ...]
    mirrored: bool

    def views(self) -> dict[str, Any]:
        """One of the `views` of config.json."""
        return {
            "image_size": self.image_size,
            "shares": list(self.shares),
            "mirrored": self.mirrored,
        }


# Chosen by repeated folds inside the training photographs (training/LOG.md).
MEMBERS = (
    Member(TowerRecipe("lite0"), 320, (1.0, 0.75), False),
    Member(TowerRecipe("lite2"), 288, (1.0, 0.75), False),
)
STRENGTH = 0.05


def member_features(member: Member, paths: Sequence[Path]) -> Features:
    """Return (n, m, features of all views) as the submission computes them; kept in the cache.

    Raises DataError, FeatureError and TrainingError.
    """
    tower, settings = start_tower(member.tower)
    sight = Sight(member.views(), settings)
    found = TowerFeatures(tower, tower_digest(tower, settings), sight).served(paths)
    return found.reshape(len(found), 2 if member.mirrored else 1, -1)


def joined(parts: Sequence[Features]) -> Features:
    """Return the members' features (n, m, d) side by side."""
    return np.concatenate(list(parts), axis=2)


def named_by_others(
    features: Features, labels: Labels, family: NDArray[np.str_], families: int, strength: float
) -> Iterator[Logits]:
    """Yield for each repeat (n, families) logits of each image by a head that did not see it."""
    logits = np.zeros((len(labels), families))
    parts = repeated_folds(family, FOLDS, REPEATS)
    for number, (fit, seen) in enumerate(parts, start=1):
        head = fit_logistic(features[fit], labels[fit], families, strength)
        found = joint_logits(head, [torch.from_numpy(features[seen])])
        logits[seen] = found.double().numpy()
        if number % FOLDS == 0:
            yield logits.copy()
