"""Train an embedding with a metric-learning loss; an epoch at a time, resumable after each.

Used by training/reid/triplet_centroids.py (batch-hard triplets) and training/reid/megadescriptor_cosine.py
(ArcFace). A batch holds M classes with K pictures each; a class with fewer is drawn repeatedly,
differently varied, so that an individual with one picture counts too.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_metric_learning.samplers import MPerClassSampler
from pytorch_metric_learning.utils import common_functions
from torch import Tensor, nn

from training.reid.embedding.images import Variation, augmentation, classes, draw

# Of embeddings (b, d) and classes (b,) the loss, a scalar.
Loss = Callable[[Tensor, Tensor], Tensor]


class TrainingError(Exception):
    """Training cannot go on; the message says why and what to do."""


@dataclass(frozen=True)
class Schedule:
    """classes x views = M x K pictures a batch; the rate falls to 0 along half a cosine.

    steps: batches in an epoch; 0: as many as the pictures (with mirror images) fill.
    """

    epochs: int
    classes: int
    views: int
    rate: float
    variation: Variation
    steps: int = 0
    seed: int = 0


class EmbeddingTrainer:
    """network: pixels -> embeddings; loss: may hold weights of its own (ArcFace's class centres).

    pictures (n, 3, s, s) bytes; identity (n,); mean and std of the network's input, each (3,).
    """

    def __init__(
        self,
        network: nn.Module,
        loss: nn.Module,
        schedule: Schedule,
        optimiser: torch.optim.Optimizer,
        checkpoint: Path | None = None,
        settings: str = "",
    ) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network, self.loss = network.to(self.device), loss.to(self.device)
        self.schedule, self.optimiser = schedule, optimiser
        self.augment = augmentation(schedule.variation)
        self.checkpoint, self.settings = checkpoint, settings
        self.rates = [float(group["lr"]) for group in optimiser.param_groups]
        self.losses: list[float] = []

    def train(
        self,
        pictures: Tensor,
        identity: NDArray[np.str_],
        mean: tuple[float, ...],
        std: tuple[float, ...],
        report: Callable[[int, float], None] = lambda epoch, loss: None,
    ) -> None:
        """To the last epoch. Raises TrainingError: loss not finite, too few individuals."""
        labels, _ = classes(identity, self.schedule.variation.mirrored)
        centre = torch.tensor(mean, device=self.device).view(3, 1, 1)
        spread = torch.tensor(std, device=self.device).view(3, 1, 1)
        while len(self.losses) < self.schedule.epochs:
            total, count = 0.0, 0
            for chosen in self._batches(labels):
                views = self.augment(draw(pictures, chosen).to(self.device))
                pixels = (views.clamp(0, 1) - centre) / spread
                total += self._step(pixels, labels[chosen].to(self.device), count)
                count += 1
            self.losses.append(total / max(count, 1))
            self._save()
            report(len(self.losses), self.losses[-1])

    def _batches(self, labels: Tensor) -> Iterator[Tensor]:
        """Numbers of pictures, M classes with K each. Seeds torch: a resumed run sees the same."""
        plan = self.schedule
        seed = plan.seed * 100_003 + len(self.losses)
        torch.manual_seed(seed)
        common_functions.NUMPY_RANDOM = np.random.RandomState(seed)  # what the sampler draws from
        individuals = len(labels.unique())
        if individuals < 2:
            raise TrainingError(f"expected at least 2 individuals to train on, found {individuals}")
        batch = min(plan.classes, individuals) * plan.views
        length = max(batch, plan.steps * batch or len(labels))
        order = list(MPerClassSampler(labels, plan.views, batch, length))
        yield from torch.tensor(order).split(batch)

    def _step(self, pixels: Tensor, labels: Tensor, step: int) -> float:
        plan = self.schedule
        done = len(self.losses) / plan.epochs
        for group, rate in zip(self.optimiser.param_groups, self.rates, strict=True):
            group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * done))
        self.network.train()
        self.optimiser.zero_grad()
        loss: Tensor = self.loss(self.network(pixels), labels)
        value = float(loss.item())
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss is {value} in epoch {len(self.losses) + 1}, step {step + 1}; lower the "
                f"learning rate (now {plan.rate:g}) and train into another folder"
            )
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        return value

    def _save(self) -> None:
        if self.checkpoint is None:
            return
        state = {
            "settings": self.settings,
            "network": self.network.state_dict(),
            "loss": self.loss.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "losses": self.losses,
        }
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        part = self.checkpoint.with_name(self.checkpoint.name + ".part")
        torch.save(state, part)
        part.replace(self.checkpoint)

    def resume(self) -> None:
        """Take up the checkpoint where there is one. Raises TrainingError if of another run."""
        if self.checkpoint is None or not self.checkpoint.is_file():
            return
        advice = "give another --out, or delete it to start anew"
        try:
            state: dict[str, Any] = torch.load(
                self.checkpoint, map_location=self.device, weights_only=True
            )
            theirs = state["settings"]
        except (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError):
            raise TrainingError(f"{self.checkpoint} is no checkpoint; {advice}") from None
        if theirs != self.settings:
            raise TrainingError(
                f"{self.checkpoint} was made with {theirs}, now {self.settings}; {advice}"
            )
        self.network.load_state_dict(state["network"])
        self.loss.load_state_dict(state["loss"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.losses = list(state["losses"])
        print(f"{self.checkpoint}: going on after epoch {len(self.losses)}")
