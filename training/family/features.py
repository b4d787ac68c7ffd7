"""Features of images by a tower that stays as it is, kept on disk: no image goes through it twice.

Besides the views that are served, training takes varied copies of an image: mirrored, turned by up
to 15 degrees and zoomed by up to 10 %, as published. A copy depends on the image's bytes and its
number alone, so that a cache knows it again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import affine

from training.common.cache import DEFAULT_FOLDER, FeatureCache, Features, file_digest
from training.common.images import read_each
from wildlife_family.views import images_of, views
from wildlife_image.square import normalised
from wildlife_submission.served_network import ServedNetwork

TURN, ZOOM = 15.0, 0.1  # degrees, and share of the size, at most; as published
_VERSION = "family 1"  # of what reaches the tower; change it with the code
_BATCH = 16


@dataclass(frozen=True)
class Sight:
    """How images reach a tower: the views of config.json, and mean and std of the input."""

    views: Mapping[str, Any]
    network: Mapping[str, Any]

    def key(self) -> str:
        """Return text that changes whenever the pixels do."""
        seen = {"views": dict(self.views), "mean": self.network["mean"], "std": self.network["std"]}
        return f"{_VERSION} {json.dumps(seen, sort_keys=True)}"


class Normalising(nn.Module):
    """Views (n, 3 v, s, s) as bytes -> features (n, v x d) of a tower."""

    def __init__(self, tower: nn.Module, settings: Mapping[str, Any]) -> None:
        super().__init__()
        self.tower, self._settings = tower, settings

    def forward(self, seen: Tensor) -> Tensor:
        features = self.tower(normalised(images_of(seen), self._settings))
        return torch.as_tensor(features.reshape(len(seen), -1))


def varied(seen: Tensor, rng: np.random.Generator) -> Tensor:
    """Return views (v, 3, s, s) that are mirrored, turned and zoomed, all of them alike."""
    if rng.random() < 0.5:
        seen = seen.flip(3)
    return torch.as_tensor(
        affine(
            seen,
            angle=float(rng.uniform(-TURN, TURN)),
            translate=[0, 0],
            scale=float(rng.uniform(1 - ZOOM, 1 + ZOOM)),
            shear=[0.0],
            interpolation=InterpolationMode.BILINEAR,
            fill=[float(value) for value in seen.float().mean(dim=(0, 2, 3))],
        )
    )


class TowerFeatures:
    """Features of a tower that stays as it is, by image and sight, kept in the cache."""

    def __init__(self, tower: nn.Module, digest: str, sight: Sight) -> None:
        """digest: of the tower's weights and architecture."""
        self._network = ServedNetwork(Normalising(tower, sight.network))
        self._digest, self._sight = digest, sight

    def served(self, paths: Sequence[Path]) -> Features:
        """Return (n, v, d) of the views that are served. Raises DataError for unreadable images."""
        found = self._features(paths, self._sight.key(), lambda seen, _: seen)
        count = len(self._sight.views["shares"]) * (2 if self._sight.views["mirrored"] else 1)
        return found.reshape(len(paths), count, -1)

    def copies(self, paths: Sequence[Path], count: int) -> Features:
        """Return (n, 1 + count, d) of the first view: as it is, and in `count` varied copies."""
        one = {**self._sight.views, "shares": list(self._sight.views["shares"])[:1]}
        plain = Sight({**one, "mirrored": False}, self._sight.network)
        drawn = [self._features(paths, plain.key(), lambda seen, _: seen, plain)]
        for copy in range(count):
            key = f"{plain.key()} copy {copy} {TURN} {ZOOM}"
            drawn.append(self._features(paths, key, _copier(copy), plain))
        return np.stack(drawn, axis=1)

    def _features(
        self,
        paths: Sequence[Path],
        key: str,
        change: Callable[[Tensor, Path], Tensor],
        sight: Sight | None = None,
    ) -> Features:
        settings = (sight or self._sight).views

        def compute(some: list[Path]) -> Features:
            seen = read_each(some, lambda image: views(image, settings), "made")
            changed = [
                change(one, path).flatten(0, 1) for one, path in zip(seen, some, strict=True)
            ]
            return np.asarray(self._network(changed).numpy())

        return FeatureCache(DEFAULT_FOLDER, self._digest, key).features(
            list(paths), compute, _BATCH
        )


def _copier(copy: int) -> Callable[[Tensor, Path], Tensor]:
    """Return what draws a copy; its generator depends on the image's bytes and the number."""

    def change(seen: Tensor, path: Path) -> Tensor:
        rng = np.random.default_rng([int(file_digest(path)[:12], 16), copy])
        return varied(seen, rng)

    return change
