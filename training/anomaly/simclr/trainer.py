"""Train an encoder on two views of each crop; resumable after each epoch."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_metric_learning.losses import NTXentLoss, TripletMarginLoss
from pytorch_metric_learning.miners import TripletMarginMiner
from torch import Tensor, nn
from torch.utils.data import WeightedRandomSampler
from torchvision.transforms import v2

from training.anomaly.simclr.recipe import NT_XENT, ProjectionHead, Recipe
from training.common.base_network import train_mode
from training.common.checkpoints import Checkpoint
from training.common.console import say_epoch
from training.common.epoch_checkpoints import EpochCheckpoint
from training.common.errors import TrainingError
from training.common.parallel import Parallel
from wildlife_anomaly.encoder import Encoder


def views(size: int) -> v2.Compose:
    """Return SimCLR's augmentations of bytes (3, s, s): crop, mirror, colour, grey, blur."""
    blur = v2.GaussianBlur(max(3, size // 10 // 2 * 2 + 1), (0.1, 2.0))
    return v2.Compose(
        [
            v2.RandomResizedCrop((size, size), scale=(0.3, 1.0), antialias=True),
            v2.RandomHorizontalFlip(),
            v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
            v2.RandomGrayscale(0.2),
            v2.RandomApply([blur], p=0.5),
        ]
    )


class TripletLoss(nn.Module):
    """The published variant: anchor and positive of one label, negative of another, one margin."""

    def __init__(self, margin: float) -> None:
        super().__init__()
        self._miner = TripletMarginMiner(margin=margin, type_of_triplets="all")
        self._loss = TripletMarginLoss(margin=margin)

    def forward(self, projected: Tensor, labels: Tensor) -> Tensor:
        loss: Tensor = self._loss(projected, labels, self._miner(projected, labels))
        return loss


class PairTrainer:
    """Trains encoder and projection head on crops (n, 3, s, s) bytes of species (n,).

    With NT-Xent the two views of a crop are the one positive pair; with triplets all crops of a
    species are positives. Species are drawn equally often.
    """

    def __init__(self, encoder: Encoder, recipe: Recipe, checkpoint: Checkpoint | None) -> None:
        self.parallel = Parallel()
        self.device = self.parallel.device
        torch.manual_seed(recipe.seed)
        self.encoder, self.head = encoder, ProjectionHead(encoder.features, recipe.projection)
        self.parallel.prepare(self.encoder, self.head)
        self.recipe = recipe
        self.loss: nn.Module = (
            NTXentLoss(recipe.temperature) if recipe.loss == NT_XENT else TripletLoss(recipe.margin)
        )
        self.optimiser = torch.optim.Adam(
            [one for part in (self.encoder, self.head) for one in part.parameters()
             if one.requires_grad],
            lr=recipe.learning_rate,
        )  # fmt: skip
        self.saved = EpochCheckpoint(
            checkpoint,
            {
                "encoder": self.encoder,
                "head": self.head,
                "optimiser": self.optimiser,
                "scaler": self.parallel.scaler,
            },
        )
        self.losses = self.saved.resume(self.device)

    def train(self, crops: Tensor, species: NDArray[np.str_]) -> list[float]:
        """Train to the last epoch; return the mean loss of each. Raises TrainingError."""
        augment = views(self.recipe.image_size)
        labels = torch.from_numpy(np.unique(species, return_inverse=True)[1].astype(np.int64))
        while len(self.losses) < self.recipe.epochs:
            losses = [
                self._step(_twice(crops[chosen], augment), self._labels(chosen, labels), number)
                for number, chosen in enumerate(self._batches(species.tolist()))
            ]
            self.losses.append(float(np.mean(losses)))
            self.saved.save(self.losses)
            say_epoch(len(self.losses), self.losses[-1])
        self.encoder.cpu().eval()
        return self.losses

    def _batches(self, species: Sequence[str]) -> Iterator[Tensor]:
        """Yield numbers of crops; seeded by the epoch, so that a resumed run draws the same."""
        torch.manual_seed(self.recipe.seed * 100_003 + len(self.losses))
        counts = Counter(species)
        weights = [1 / counts[name] for name in species]
        order = torch.tensor(list(WeightedRandomSampler(weights, len(species))))
        yield from (one for one in torch.split(order, self.recipe.batch) if len(one) > 1)

    def _labels(self, chosen: Tensor, labels: Tensor) -> Tensor:
        # A crop that is drawn twice is one class of NT-Xent, not two.
        one = chosen if self.recipe.loss == NT_XENT else labels[chosen]
        return torch.cat([one, one]).to(self.device)

    def _step(self, pixels: Tensor, labels: Tensor, number: int) -> float:
        epoch = len(self.losses)
        share = 0.5 * (1 + math.cos(math.pi * epoch / self.recipe.epochs))
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.learning_rate * share
        train_mode(self.encoder)
        self.optimiser.zero_grad()
        value = self.parallel.backward(
            lambda views: self.head(self.encoder(views)),
            pixels.to(self.device),
            lambda projected: self.loss(projected, labels),
        )
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss is {value} in epoch {epoch + 1}, step {number + 1}; lower the learning "
                f"rate (now {self.recipe.learning_rate:g}) and train into another folder"
            )
        self.parallel.step(self.optimiser)
        return value


def _twice(crops: Tensor, augment: v2.Compose) -> Tensor:
    """Two views of each crop, with a window that is open everywhere: (2 b, 4, s, s) bytes."""
    seen = torch.stack([augment(crop) for _ in range(2) for crop in crops])
    return torch.cat([seen, torch.full_like(seen[:, :1], 255)], dim=1)
