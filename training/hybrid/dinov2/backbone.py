"""A small DINOv2 backbone from scratch, supervised by the parents' shares and by cross or not.

A few hundred images are too few to learn from them alone, so it learns from labels: each step
sees a fresh batch of crosses.py. A killed training is resumed; the same settings and
images give the same weights on the same machine with the same number of threads.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, log_softmax
from transformers import Dinov2Config, Dinov2Model

from training.common import processes
from training.common.atomic import replaced_folder
from training.common.checkpoints import Checkpoint
from training.common.console import say
from training.common.epoch_checkpoints import EpochCheckpoint
from training.common.errors import TrainingError
from training.common.parallel import Parallel
from training.common.script import option
from training.hybrid.dinov2.crosses import Batch, Mixing, Wings, make_batch

SAVE_EVERY = 100
_WARM_UP = 50
_LARGEST_STEP = 1.0  # norm of the gradient


@dataclass(frozen=True)
class BackboneRecipe:
    """Everything that decides the backbone, except the images."""

    hidden: int = option(96, "width of a token")
    layers: int = option(4, "transformer blocks")
    attention_heads: int = option(3, "heads of a block")
    mlp_ratio: int = option(2, "width of the MLP, as a multiple")
    image_size: int = option(48, "side of an image in pixels")
    patch: int = option(8, "side of a patch in pixels")
    steps: int = option(3000, "training steps")
    batch: int = option(64, "images in a step")
    learning_rate: float = option(2e-3, "of AdamW, after the warm-up")
    weight_decay: float = option(0.05, "of AdamW")
    seed: int = option(0, "of weights and batches")
    mixing: Mixing = field(default_factory=Mixing)

    def network(self) -> Dinov2Model:
        """Return a fresh network, by the seed."""
        torch.manual_seed(self.seed)
        return Dinov2Model(
            Dinov2Config(
                hidden_size=self.hidden,
                num_hidden_layers=self.layers,
                num_attention_heads=self.attention_heads,
                mlp_ratio=self.mlp_ratio,
                image_size=self.image_size,
                patch_size=self.patch,
            )
        )


class Trainer:
    """Backbone, its two linear heads and the optimiser; saved whole every SAVE_EVERY steps."""

    def __init__(
        self, folder: Path, recipe: BackboneRecipe, wings: Wings, preprocessing: dict[str, Any]
    ) -> None:
        self.folder, self.recipe, self.wings = folder, recipe, wings
        self.parallel = Parallel()
        self.device = self.parallel.device
        self.network = recipe.network()
        # Subspecies, and last whether it is a cross.
        self.head = nn.Linear(2 * recipe.hidden, len(wings.groups.names) + 1)
        self.parallel.prepare(self.network, self.head)
        parameters = [*self.network.parameters(), *self.head.parameters()]
        self.optimiser = torch.optim.AdamW(
            parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.mean = torch.tensor(preprocessing["mean"], device=self.device)[:, None, None]
        self.std = torch.tensor(preprocessing["std"], device=self.device)[:, None, None]
        parts = {
            "network": self.network,
            "head": self.head,
            "optimiser": self.optimiser,
            "scaler": self.parallel.scaler,
        }
        self._saved = EpochCheckpoint(
            Checkpoint(folder / "last.pt", asdict(recipe)), parts, unit="step"
        )
        self.losses: list[float] = []

    def logits(self, images: Tensor) -> Tensor:
        """Map images (n, 3, s, s) in 0..1 to logits (n, subspecies + 1)."""
        inputs = (images.to(self.device) - self.mean) / self.std
        tokens = self.network(pixel_values=inputs).last_hidden_state
        logits: Tensor = self.head(torch.cat([tokens[:, 0], tokens[:, 1:].mean(dim=1)], dim=1))
        return logits

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the cross-entropy with the parents' shares plus that of cross or not."""
        subspecies = -(batch.classes.to(self.device) * log_softmax(logits[:, :-1], dim=1)).sum(1)
        crossed = binary_cross_entropy_with_logits(logits[:, -1], batch.hybrid.to(self.device))
        return subspecies.mean() + crossed

    def train(self) -> None:
        """Train to the last step. Raises TrainingError if the loss is not finite."""
        self.network.train()
        while len(self.losses) < self.recipe.steps:
            self._step()
            done = len(self.losses)
            if done % SAVE_EVERY == 0 or done == self.recipe.steps:
                self._saved.save(self.losses)
                recent = float(np.mean(self.losses[-SAVE_EVERY:]))
                say(f"backbone step {done} of {self.recipe.steps}, loss {recent:.3f}")
        self.network.eval()  # type: ignore[no-untyped-call]

    def _step(self) -> None:
        step = len(self.losses)
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.learning_rate * self._learning_rate_factor(step)
        # By seed and step alone, so that a resumed run sees the same batches.
        rng = np.random.default_rng((self.recipe.seed, step))
        batch = make_batch(self.wings, self.recipe.batch, self.recipe.mixing, rng)
        self.optimiser.zero_grad()
        loss = self.parallel.backward(
            self.logits, batch.images, lambda logits: self.loss(logits, batch)
        )
        if not math.isfinite(loss):
            raise TrainingError(
                f"the backbone's loss is {loss} in step {step + 1}; "
                f"lower --learning-rate (now {self.recipe.learning_rate:g}); "
                f"the steps up to the last multiple of {SAVE_EVERY} are kept"
            )
        self.parallel.step(self.optimiser, clipped=self.network.parameters(), longest=_LARGEST_STEP)
        self.losses.append(loss)

    def _learning_rate_factor(self, step: int) -> float:
        """Warm-up, then half a cosine."""
        along = math.pi * step / self.recipe.steps
        return min(1.0, (step + 1) / _WARM_UP) * (0.5 + 0.5 * math.cos(along))

    def resume(self) -> None:
        """Resume from `last.pt` if it exists. Raises TrainingError if it is of another run."""
        self.losses = self._saved.resume(self.device)


def train_backbone(
    folder: Path, recipe: BackboneRecipe, wings: Wings, preprocessing: dict[str, Any]
) -> None:
    """Train the backbone into FOLDER/model, in the public format. Raises TrainingError."""
    trainer = Trainer(folder, recipe, wings, preprocessing)
    trainer.resume()
    trainer.train()
    with replaced_folder(folder / "model") as temporary:
        trainer.network.save_pretrained(temporary)
    processes.wait()
