"""Train a detector's network, an epoch at a time; a killed run resumes after the last one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.anomaly.detection.examples import Examples
from training.anomaly.detection.recipe import BASE_NAME, Recipe
from training.common.base_network import base_file, freeze, parameter_groups, train_mode
from training.common.checkpoints import Checkpoint
from training.common.console import say_epoch
from training.common.epoch_checkpoints import EpochCheckpoint
from training.common.errors import TrainingError
from training.common.parallel import Parallel
from wildlife_anomaly.detector_network import DetectorNetwork
from wildlife_backbone.features import read_base

_WARM_UP = 0.1  # share of the steps in which the learning rate rises
_LONGEST_GRADIENT = 5.0


def start_network(recipe: Recipe, settings: dict[str, Any]) -> DetectorNetwork:
    """Return a network by the seed, with the published weights that the recipe names.

    Raises TrainingError where these cannot be had.
    """
    torch.manual_seed(recipe.seed)
    network = DetectorNetwork(settings)
    if recipe.published:
        read_base(network, base_file(BASE_NAME))
        freeze(network, recipe.tuned)
    # Depthwise convolutions take two thirds of the time then on a CPU.
    return network.to(memory_format=torch.channels_last)


class DetectorTrainer:
    """Trains a network on examples by FCOS's own losses; AdamW, warm-up and half a cosine."""

    def __init__(
        self, network: DetectorNetwork, examples: Examples, recipe: Recipe, path: Path, digest: str
    ) -> None:
        """path: of the checkpoint; digest: of the frames, so that one of others is refused."""
        self.parallel = Parallel()
        self.device = self.parallel.device
        self.parallel.prepare(network)
        self.network = network
        self.examples, self.recipe = examples, recipe
        groups = parameter_groups(network)
        self.optimiser = torch.optim.AdamW(groups, weight_decay=recipe.weight_decay)
        made_with = {**asdict(recipe), "stages": list(recipe.stages), "frames": digest}
        self.saved = EpochCheckpoint(
            Checkpoint(path, made_with),
            {
                "network": self.network,
                "optimiser": self.optimiser,
                "scaler": self.parallel.scaler,
            },
        )
        self.losses: list[float] = []

    def train(self) -> list[float]:
        """Train to the last epoch and return the mean loss of each; resume where one was saved.

        Raises TrainingError where the loss is not finite, or the checkpoint is of another run.
        """
        self.losses = self.saved.resume(self.device)
        while len(self.losses) < self.recipe.epochs:
            losses = [self._step(at, *batch) for at, batch in enumerate(self._batches())]
            self.losses.append(sum(losses) / len(losses))
            self.saved.save(self.losses)
            say_epoch(len(self.losses), self.losses[-1])
        self.network.cpu().eval()
        return self.losses

    @property
    def _steps(self) -> int:
        return -(-len(self.examples.frames) // self.recipe.batch)

    def _batches(self) -> Iterator[tuple[Tensor, list[dict[str, Tensor]]]]:
        """Batches of an epoch, by the seed and the epoch alone, so that a resumed run has them."""
        generator = torch.Generator().manual_seed(self.recipe.seed * 100_003 + len(self.losses))
        order = torch.randperm(len(self.examples.frames), generator=generator).tolist()
        seeds = torch.randint(2**62, (len(order),), generator=generator).tolist()
        size = self.recipe.batch
        for first in range(0, len(order), size):
            yield self.examples.batch(order[first : first + size], seeds[first : first + size])

    def _step(self, number: int, pixels: Tensor, targets: list[dict[str, Tensor]]) -> float:
        self._set_learning_rate(len(self.losses) * self._steps + number + 0.5)
        train_mode(self.network)
        on_device = [{k: v.to(self.device) for k, v in target.items()} for target in targets]
        self.optimiser.zero_grad()
        loss = self.parallel.backward(
            self.network,
            pixels.to(self.device),
            lambda answers: self.network.loss(answers, on_device),
        )
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} in epoch {len(self.losses) + 1}, step {number + 1}; "
                f"lower --learning-rate (now {self.recipe.learning_rate:g}) and train into another "
                f"folder; the {len(self.losses)} epochs before it are kept"
            )
        self.parallel.step(
            self.optimiser, clipped=self.network.parameters(), longest=_LONGEST_GRADIENT
        )
        return loss

    def _set_learning_rate(self, step: float) -> None:
        done = step / (self._steps * self.recipe.epochs)
        factor = min(1.0, done / _WARM_UP) * (1 + math.cos(math.pi * done)) / 2
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.learning_rate * group["share"] * factor
