"""Train a head on cached features, an epoch at a time; seconds on a CPU.

The learning rate falls and the training ends by the loss of validation images; the best epoch's
weights are kept. The state is saved after each epoch, so that a killed run resumes.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.common.cache import Features
from training.common.checkpoints import Checkpoint
from training.common.errors import TrainingError
from training.common.parallel import Parallel
from training.family.heads.losses import FamilyLoss, mixed
from training.family.heads.recipe import ADAGRAD, ADAM, HeadRecipe
from wildlife_family.networks import Head

START_OF_SUM = 0.1  # of Adagrad's squared gradients, as in Keras, which the recipe was tuned with


@dataclass(frozen=True)
class Labelled:
    """Features (n, copies, d) of varied copies of images, and their families (n,) by number."""

    features: Features
    labels: NDArray[np.intp]


@dataclass
class Progress:
    """The losses so far, and where the best epoch was; epochs count from 0."""

    training: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)

    @property
    def best(self) -> int:
        """The epoch with the lowest validation loss; the last one without validation."""
        if not self.validation:
            return len(self.training) - 1
        return int(np.argmin(self.validation))

    def is_over(self, recipe: HeadRecipe) -> bool:
        """Whether all epochs are done, or the last `patience` brought nothing."""
        done = len(self.training)
        waited = done - 1 - self.best
        return done >= recipe.epochs or (bool(self.validation) and waited >= recipe.patience)


def optimiser_of(
    recipe: HeadRecipe, parameters: Any, learning_rate: float | None = None
) -> torch.optim.Optimizer:
    """Return the recipe's optimiser. Raises TrainingError for one that is not known."""
    speed = recipe.learning_rate if learning_rate is None else learning_rate
    if recipe.optimiser == ADAGRAD:
        return torch.optim.Adagrad(parameters, speed, initial_accumulator_value=START_OF_SUM)
    if recipe.optimiser == ADAM:
        return torch.optim.Adam(parameters, speed)
    raise TrainingError(f"optimiser {recipe.optimiser!r}: expected {ADAGRAD} or {ADAM}")


class HeadTrainer:
    """A head, its optimiser and its progress."""

    def __init__(
        self,
        recipe: HeadRecipe,
        fit: Labelled,
        families: int,
        validation: Labelled | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        """validation: decides the learning rate and the end; without it all epochs are run."""
        torch.manual_seed(recipe.seed)
        self.recipe, self.fit, self.validation = recipe, fit, validation
        features = fit.features.shape[2]
        self.head = Head(features, families, recipe.hidden, recipe.dropout)
        self._parallel = Parallel()
        self._parallel.prepare(self.head)
        self.progress = Progress()
        self._best = copy.deepcopy(self.head.state_dict())
        self._loss = FamilyLoss(recipe, fit.labels, families)
        self._optimiser = optimiser_of(recipe, self.head.parameters())
        self._plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
            self._optimiser, factor=recipe.plateau_factor, patience=recipe.plateau_patience - 1
        )
        self._checkpoint = checkpoint

    def train(self) -> Head:
        """Train to the end and return the head of the best epoch.

        Raises TrainingError where the checkpoint is of another run, or a loss is not finite: then
        the checkpoint is removed, because the next try has other settings.
        """
        self._resume()
        while not self.progress.is_over(self.recipe):
            self._advance_or_discard()
            self._save()
        self.head.load_state_dict(self._best)
        return self.head.cpu().eval()

    def _advance_or_discard(self) -> None:
        try:
            self.advance()
        except TrainingError:
            if self._checkpoint is not None:
                self._checkpoint.discard()
            raise

    def advance(self) -> None:
        """Train one epoch more, and validate. Raises TrainingError where a loss is not finite."""
        self.progress.training.append(self._epoch(len(self.progress.training)))
        if self.validation is not None:
            self.progress.validation.append(self._validation_loss(self.validation))
            self._plateau.step(self.progress.validation[-1])
        if self.progress.best == len(self.progress.training) - 1:
            self._best = copy.deepcopy(self.head.state_dict())

    def _epoch(self, epoch: int) -> float:
        # Order and dropout depend on seed and epoch alone, so a resumed run sees the same.
        torch.manual_seed(self.recipe.seed * 100_003 + epoch)
        generator = torch.Generator().manual_seed(self.recipe.seed * 100_003 + epoch)
        self.head.train()
        total = 0.0
        count, copies = self.fit.features.shape[:2]
        order = torch.randperm(count, generator=generator)
        copy_of = torch.randint(copies, (count,), generator=generator)
        for step, rows in enumerate(_steps(order, self.recipe.batch)):
            found = torch.from_numpy(self.fit.features[rows.numpy(), copy_of[rows].numpy()])
            targets = self._loss.targets(torch.from_numpy(self.fit.labels[rows.numpy()]))
            loss = self._step(*mixed(found, targets, self.recipe.mixup, generator))
            if not math.isfinite(loss):
                raise TrainingError(
                    f"the loss is {loss} in epoch {epoch + 1}, step {step + 1}: lower "
                    f"--learning-rate (now {self.recipe.learning_rate:g})"
                )
            total += loss * len(rows)
        return float(total / count)

    def _step(self, features: Tensor, targets: Tensor) -> float:
        device = self._parallel.device
        self._optimiser.zero_grad()
        loss = self._parallel.backward(
            self.head, features.to(device), lambda logits: self._loss(logits.cpu(), targets)
        )
        self._parallel.step(self._optimiser)
        return loss

    @torch.inference_mode()
    def _validation_loss(self, validation: Labelled) -> float:
        self.head.eval()
        features = torch.from_numpy(validation.features[:, 0]).to(self._parallel.device)
        logits = self.head(features).cpu()
        return float(self._loss(logits, self._loss.targets(torch.from_numpy(validation.labels))))

    def _save(self) -> None:
        if self._checkpoint is not None:
            parts: tuple[Any, ...] = (self.head, self._optimiser, self._plateau)
            states = {str(k): part.state_dict() for k, part in enumerate(parts)}
            losses = {"training": self.progress.training, "validation": self.progress.validation}
            self._checkpoint.save({**states, **losses, "best": self._best})

    def _resume(self) -> None:
        state = self._checkpoint.read(self._parallel.device) if self._checkpoint else None
        if state is None:
            return
        parts: tuple[Any, ...] = (self.head, self._optimiser, self._plateau)
        for k, part in enumerate(parts):
            part.load_state_dict(state[str(k)])
        self.progress = Progress(list(state["training"]), list(state["validation"]))
        self._best = state["best"]


def _steps(order: Tensor, batch: int) -> list[Tensor]:
    """The rows of each step; a last one of a single row, of which batch norm learns nothing, goes
    to the one before."""
    steps = list(torch.split(order, batch))
    if len(steps) > 1 and len(steps[-1]) == 1:
        steps[-2:] = [torch.cat(steps[-2:])]
    return steps


@torch.inference_mode()
def logits_of(head: nn.Module, features: Features) -> NDArray[np.float64]:
    """Return (n, families): the mean logits over the views of features (n, v, d)."""
    count, of_each = features.shape[:2]
    logits: Tensor = head(torch.from_numpy(features).flatten(0, 1))
    return np.asarray(logits.reshape(count, of_each, -1).mean(dim=1).double().numpy())
