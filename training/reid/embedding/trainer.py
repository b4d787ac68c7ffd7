"""Train an embedding with a metric-learning loss; an epoch at a time, resumable after each.

A batch holds M classes with K images each (an M x K sampler). A class with fewer images is drawn
repeatedly, each time varied, so that an individual with one image counts too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_metric_learning.samplers import MPerClassSampler
from pytorch_metric_learning.utils import common_functions
from torch import Tensor, nn

from training.common.base_network import train_mode
from training.common.checkpoints import Checkpoint
from training.common.console import say_epoch
from training.common.epoch_checkpoints import EpochCheckpoint
from training.common.errors import TrainingError
from training.common.parallel import Parallel
from training.reid.embedding.batches import Variation, augmentation, classes, draw

Report = Callable[[int, float], None]  # hears the epoch and its mean loss


@dataclass(frozen=True)
class Schedule:
    """A batch holds classes_per_batch x samples_per_class images.

    The learning rate falls to 0 along half a cosine. steps: batches in an epoch; 0: as many as the
    images (with mirror images) fill.
    """

    epochs: int
    classes_per_batch: int
    samples_per_class: int
    learning_rate: float
    variation: Variation
    steps: int = 0
    seed: int = 0


class EmbeddingTrainer:
    """Trains network: pixels -> embeddings (b, d), with loss: embeddings, classes (b,) -> scalar.

    The loss may hold weights of its own (ArcFace's class centres).
    """

    def __init__(
        self,
        network: nn.Module,
        loss: nn.Module,
        schedule: Schedule,
        optimiser: torch.optim.Optimizer,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self.parallel = Parallel()
        self.device = self.parallel.device
        self.parallel.prepare(network)
        self.network, self.loss = network, loss.to(self.device)
        self.schedule, self.optimiser = schedule, optimiser
        self.augment = augmentation(schedule.variation)
        self.saved = EpochCheckpoint(
            checkpoint,
            {
                "network": self.network,
                "loss": self.loss,
                "optimiser": self.optimiser,
                "scaler": self.parallel.scaler,
            },
        )
        self.losses: list[float] = []

    def train(
        self,
        images: Tensor,
        identity: NDArray[np.str_],
        mean: tuple[float, ...],
        std: tuple[float, ...],
        report: Report | None = say_epoch,
    ) -> None:
        """Train to the last epoch on images (n, 3, s, s) bytes of identity (n,).

        mean and std: of the network's input, each (3,); report: None for silence.
        Raises TrainingError where the loss is not finite, or there are too few individuals.
        """
        labels, _ = classes(identity, self.schedule.variation.mirrored)
        input_mean = torch.tensor(mean, device=self.device).view(3, 1, 1)
        input_std = torch.tensor(std, device=self.device).view(3, 1, 1)
        while len(self.losses) < self.schedule.epochs:
            total, count = 0.0, 0
            for chosen in self._batches(labels):
                varied = self.augment(draw(images, chosen).to(self.device))
                pixels = (varied.clamp(0, 1) - input_mean) / input_std
                total += self._step(pixels, labels[chosen].to(self.device), count)
                count += 1
            self.losses.append(total / max(count, 1))
            self.saved.save(self.losses)
            if report:
                report(len(self.losses), self.losses[-1])

    def _batches(self, labels: Tensor) -> Iterator[Tensor]:
        """Yield numbers of images, classes_per_batch with samples_per_class each."""
        plan = self.schedule
        # Seeded by the epoch, so that a resumed run draws the same batches and variations.
        seed = plan.seed * 100_003 + len(self.losses)
        torch.manual_seed(seed)
        common_functions.NUMPY_RANDOM = np.random.RandomState(seed)  # what the sampler draws from
        individuals = len(set(labels.tolist()))
        if individuals < 2:
            raise TrainingError(f"expected at least 2 individuals to train on, found {individuals}")
        batch = min(plan.classes_per_batch, individuals) * plan.samples_per_class
        length = max(batch, plan.steps * batch or len(labels))
        order = torch.tensor(list(MPerClassSampler(labels, plan.samples_per_class, batch, length)))
        yield from torch.split(order, batch)

    def _step(self, pixels: Tensor, labels: Tensor, step: int) -> float:
        """Take one step of the optimiser; return the loss before it."""
        epoch = len(self.losses)
        for group in self.optimiser.param_groups:
            share = 0.5 * (1 + math.cos(math.pi * epoch / self.schedule.epochs))
            group["lr"] = self.schedule.learning_rate * share * group["share"]
        train_mode(self.network)
        self.optimiser.zero_grad()
        value = self.parallel.backward(
            self.network, pixels, lambda embeddings: self.loss(embeddings, labels)
        )
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss is {value} in epoch {epoch + 1}, step {step + 1}; lower the learning "
                f"rate (now {self.schedule.learning_rate:g}) and train into another folder"
            )
        self.parallel.step(self.optimiser)
        return value

    def resume(self) -> None:
        """Take up the checkpoint where there is one. Raises TrainingError if of another run."""
        self.losses = self.saved.resume(self.device)
