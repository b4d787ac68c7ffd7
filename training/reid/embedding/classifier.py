"""Train the ConvNeXt identity classifier of `megadescriptor_convnext`.

AdamW with weight decay 0.01; the learning rate rises linearly over the first tenth and falls
linearly after it; one class per individual; the augmentations of the published recipe (visan-ionut,
AnimalCLEF 2025): random resized crop, small turns, colour jitter, random erasing. No mirroring: an
animal's other side is another pattern. `full` has that recipe's network and values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torchvision.transforms import v2

from training.common.checkpoints import Checkpoint
from training.common.console import say_epoch
from training.common.epoch_checkpoints import EpochCheckpoint
from training.common.errors import TrainingError
from training.common.parallel import Parallel
from wildlife_image.square import normalised
from wildlife_reid.identity_classifier import identity_classifier


@dataclass(frozen=True)
class Recipe:
    """What decides the weights, besides the images."""

    epochs: int
    batch: int  # images
    learning_rate: float  # the highest one
    smoothing: float = 0.1  # of the labels
    weight_decay: float = 0.01
    warm_up: float = 0.1  # share of all steps
    seed: int = 0


LARGEST_GRADIENT = 1.0
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
NETWORKS: Mapping[str, dict[str, Any]] = {
    "small": {
        "architecture": "convnext_atto",
        "arguments": {"dims": [24, 48, 96, 160], "depths": [1, 1, 3, 1]},
        "image_size": 80,
        "mean": MEAN,
        "std": STD,
    },
    "full": {"architecture": "convnext_xlarge", "image_size": 384, "mean": MEAN, "std": STD},
}
RECIPES = {
    "small": Recipe(epochs=24, batch=32, learning_rate=2e-3),
    "full": Recipe(epochs=30, batch=8, learning_rate=8e-5),
}


def augment(pixels: Tensor) -> Tensor:
    """Crop, turn and recolour each image (n, 3, s, s) of bytes on its own."""
    size = pixels.shape[-1]
    change = v2.Compose(
        [
            v2.RandomResizedCrop(size, scale=(0.7, 1.0), ratio=(0.85, 1.18), antialias=True),
            v2.RandomRotation(10),
            v2.ColorJitter(0.4, 0.4, 0.4, 0.1),
            v2.RandomErasing(0.25),
        ]
    )
    return torch.stack([change(one) for one in pixels])


class Trainer:
    """Network, optimiser and schedule; an epoch at a time, saved whole after each."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        settings: Mapping[str, Any],
        recipe: Recipe,
        classes: int,
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.checkpoint, self.settings, self.recipe = checkpoint, settings, recipe
        self.parallel = Parallel()
        self.network: nn.Module = identity_classifier(settings, classes)
        self.parallel.prepare(self.network)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.saved = EpochCheckpoint(
            checkpoint,
            {
                "network": self.network,
                "optimiser": self.optimiser,
                "scaler": self.parallel.scaler,
            },
        )
        self.losses: list[float] = []

    def train(self, pixels: Tensor, labels: NDArray[np.intp]) -> nn.Module:
        """Train to the last epoch on pixels (n, 3, s, s) of bytes and classes (n,).

        Raises TrainingError where the loss is not finite.
        """
        self.losses = self.saved.resume(self.parallel.device)
        targets = torch.from_numpy(labels.astype(np.int64))
        steps = math.ceil(len(pixels) / self.recipe.batch)
        while len(self.losses) < self.recipe.epochs:
            self.losses.append(self._epoch(pixels, targets, steps))
            self.saved.save(self.losses)
            say_epoch(len(self.losses), self.losses[-1])
        return self.network.eval().cpu()

    def _epoch(self, pixels: Tensor, targets: Tensor, steps: int) -> float:
        epoch = len(self.losses)
        # Order and augmentation depend on seed and epoch alone, so a resumed run sees the same.
        torch.manual_seed(self.recipe.seed * 100_003 + epoch)
        self.network.train()
        total = 0.0
        order = torch.randperm(len(pixels))
        for step, chosen in enumerate(torch.split(order, self.recipe.batch)):
            share = (epoch * steps + step) / max(self.recipe.epochs * steps, 1)
            for group in self.optimiser.param_groups:
                group["lr"] = self.recipe.learning_rate * rate_factor(share, self.recipe.warm_up)
            batch = normalised(augment(pixels[chosen]), self.settings)
            wanted = targets[chosen].to(self.parallel.device)
            self.optimiser.zero_grad()
            loss = self.parallel.backward(
                self.network,
                batch.to(self.parallel.device),
                partial(cross_entropy, target=wanted, label_smoothing=self.recipe.smoothing),
            )
            if not math.isfinite(loss):
                raise TrainingError(
                    f"the loss is {loss} in epoch {epoch + 1}, step {step + 1}; lower "
                    f"--learning-rate (now {self.recipe.learning_rate:g}); {epoch} epochs are in "
                    f"{self.checkpoint.path}"
                )
            self.parallel.step(
                self.optimiser, clipped=self.network.parameters(), longest=LARGEST_GRADIENT
            )
            total += loss * len(chosen)
        return total / len(pixels)


def rate_factor(share: float, warm_up: float) -> float:
    """Factor of the highest learning rate at a share of the training: up, then down, in a line."""
    if share < warm_up:
        return (share + 1e-3) / (warm_up + 1e-3)
    return max(1e-3, (1 - share) / (1 - warm_up))
