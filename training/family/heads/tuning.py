"""Tune the last layers of a tower with its head; batch norms stay as they are."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.common.checkpoints import Checkpoint
from training.common.console import say
from training.common.errors import TrainingError
from training.common.parallel import Parallel
from training.common.script import option
from training.family.features import varied
from training.family.heads.losses import FamilyLoss
from training.family.heads.recipe import HeadRecipe
from training.family.heads.trainer import optimiser_of
from wildlife_family.networks import FamilyNetwork

_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


@dataclass(frozen=True)
class TuningRecipe:
    """Which layers are tuned, and how. The defaults are the published values, but for `epochs`."""

    tuned_layers: int = option(5, "of the tower, from the last; batch norms do not count")
    tuning_rate: float = option(1e-7, "learning rate of the last layers and the head")
    tuning_epochs: int = option(3, "at most; 0 leaves the tower as it is")
    tuning_batch: int = option(16, "images in a step")


@dataclass(frozen=True)
class Squares:
    """One view of each image, (n, 3, s, s) as bytes, and the families (n,) by number."""

    pixels: Tensor
    labels: NDArray[np.intp]


def last_layers(tower: nn.Module, count: int) -> list[nn.Module]:
    """Return the last `count` layers with weights, in the order in which the tower lists them.

    Raises TrainingError where the tower has fewer.
    """
    layers = [
        layer
        for layer in tower.modules()
        if list(layer.parameters(recurse=False)) and not isinstance(layer, _BATCH_NORMS)
    ]
    if count > len(layers):
        raise TrainingError(f"--tuned-layers {count}: the tower has {len(layers)} layers")
    return layers[len(layers) - count :]


def prepare(network: FamilyNetwork, count: int) -> list[nn.Parameter]:
    """Leave only the last layers and the head to training; return what is trained."""
    network.requires_grad_(False)
    for layer in last_layers(network.tower, count):
        layer.requires_grad_(True)
    network.head.requires_grad_(True)
    for layer in network.modules():
        if isinstance(layer, _BATCH_NORMS):
            layer.requires_grad_(False)
    return [one for one in network.parameters() if one.requires_grad]


class LastLayersTrainer:
    """The last layers and the head, an epoch at a time; the best epoch by validation is kept.

    What was there before counts as an epoch, so that tuning which only harms changes nothing.
    """

    def __init__(
        self,
        network: FamilyNetwork,
        recipe: TuningRecipe,
        head: HeadRecipe,
        fit: Squares,
        validation: Squares,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self.parallel = Parallel()
        self.device = self.parallel.device
        self.network = network.to(self.device).to(memory_format=torch.channels_last)
        self.parallel.prepare(self.network)
        self.recipe, self._head, self.fit, self.validation = recipe, head, fit, validation
        self._loss = FamilyLoss(head, fit.labels, network.head.classifier.out_features)
        self._optimiser = optimiser_of(
            head, prepare(network, recipe.tuned_layers), recipe.tuning_rate
        )
        self.losses: list[float] = []  # of validation; the first one is before any tuning
        self._best: dict[str, Tensor] = {}
        self._checkpoint = checkpoint

    def train(self) -> FamilyNetwork:
        """Tune to the last epoch; return the best network, on the CPU.

        Raises TrainingError where the checkpoint is of another run, or a loss is not finite: then
        the checkpoint is removed, because the next try has other settings.
        """
        self._resume()
        if not self.losses:
            self._keep(self._validation_loss())
        while len(self.losses) <= self.recipe.tuning_epochs:
            self._epoch_or_discard(len(self.losses))
            self._keep(self._validation_loss())
            say(f"last layers, epoch {len(self.losses) - 1}: validation {self.losses[-1]:.4f}")
            self._save()
        self.network.load_state_dict(self._best)
        return self.network.cpu().eval()

    def _epoch_or_discard(self, epoch: int) -> None:
        try:
            self._epoch(epoch)
        except TrainingError:
            if self._checkpoint is not None:
                self._checkpoint.discard()
            raise

    def _epoch(self, epoch: int) -> None:
        generator = torch.Generator().manual_seed(self._head.seed * 100_003 + epoch)
        torch.manual_seed(self._head.seed * 100_003 + epoch)  # of dropout
        self.network.train()
        for layer in self.network.modules():
            if isinstance(layer, _BATCH_NORMS):
                layer.eval()
        order = torch.randperm(len(self.fit.labels), generator=generator)
        for step, rows in enumerate(torch.split(order, self.recipe.tuning_batch)):
            rng = np.random.default_rng([self._head.seed, epoch, step])
            pixels = torch.stack([varied(one, rng) for one in self.fit.pixels[rows, None]])
            self._optimiser.zero_grad()
            loss_of = self._loss_of(self.fit.labels[rows.numpy()])
            loss = self.parallel.backward(self.network, pixels.to(self.device), loss_of)
            if not math.isfinite(loss):
                raise TrainingError(
                    f"the loss is {loss} in epoch {epoch}, step {step + 1} of "
                    f"the last layers: lower --tuning-rate (now {self.recipe.tuning_rate:g})"
                )
            self.parallel.step(self._optimiser)

    def _loss_of(self, labels: NDArray[np.intp]) -> Callable[[Tensor], Tensor]:
        """The mean loss of logits (b, families) of images of families (b,)."""
        targets = self._loss.targets(torch.from_numpy(labels))
        return lambda logits: self._loss(logits.cpu(), targets)

    @torch.inference_mode()
    def _validation_loss(self) -> float:
        self.network.eval()
        total, size = 0.0, self.recipe.tuning_batch
        for start in range(0, len(self.validation.labels), size):
            labels = self.validation.labels[start : start + size]
            views = self.validation.pixels[start : start + size, None].to(self.device)
            total += float(self._loss_of(labels)(self.network(views))) * len(labels)
        return total / len(self.validation.labels)

    def _keep(self, loss: float) -> None:
        self.losses.append(loss)
        if loss <= min(self.losses):
            self._best = copy.deepcopy(self.network.state_dict())

    def _save(self) -> None:
        if self._checkpoint is not None:
            state: Mapping[str, Any] = {
                "network": self.network.state_dict(),
                "optimiser": self._optimiser.state_dict(),
                "best": self._best,
                "losses": self.losses,
            }
            self._checkpoint.save(state)

    def _resume(self) -> None:
        state = self._checkpoint.read(self.device) if self._checkpoint else None
        if state is not None:
            self.network.load_state_dict(state["network"])
            self._optimiser.load_state_dict(state["optimiser"])
            self._best, self.losses = state["best"], list(state["losses"])
            say(f"resumed after epoch {len(self.losses) - 1} of the last layers")
