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

from training.common.atomic import replaced_folder
from training.common.checkpoints import Checkpoint
from training.common.console import say
from training.common.errors import TrainingError
from training.hybrid.dinov2.crosses import Batch, Mixing, Wings, make_batch

SAVE_EVERY = 100
_WARM_UP = 50
_LARGEST_STEP = 1.0  # norm of the gradient


@dataclass(frozen=True)
class BackboneRecipe:
    """Everything that decides the backbone, except the images; image_size and patch in pixels."""

    hidden: int = 96
    layers: int = 4
    attention_heads: int = 3
    mlp_ratio: int = 2
    image_size: int = 48
    patch: int = 8
    steps: int = 3000
    batch: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    seed: int = 0
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
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = recipe.network().to(self.device)  # type: ignore[arg-type]
        # Subspecies, and last whether it is a cross.
        self.head = nn.Linear(2 * recipe.hidden, len(wings.groups.names) + 1).to(self.device)
        parameters = [*self.network.parameters(), *self.head.parameters()]
        self.optimiser = torch.optim.AdamW(
            parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.mean = torch.tensor(preprocessing["mean"], device=self.device)[:, None, None]
        self.std = torch.tensor(preprocessing["std"], device=self.device)[:, None, None]
        self.losses: list[float] = []

    def logits(self, images: Tensor) -> Tensor:
        """Map images (n, 3, s, s) in 0..1 to logits (n, subspecies + 1)."""
        inputs = (images.to(self.device) - self.mean) / self.std
        tokens = self.network(pixel_values=inputs).last_hidden_state
        logits: Tensor = self.head(torch.cat([tokens[:, 0], tokens[:, 1:].mean(dim=1)], dim=1))
        return logits

    def loss(self, batch: Batch) -> Tensor:
        """Return the cross-entropy with the parents' shares plus that of cross or not."""
        logits = self.logits(batch.images)
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
                self._save()
                recent = float(np.mean(self.losses[-SAVE_EVERY:]))
                say(f"backbone step {done} of {self.recipe.steps}, loss {recent:.3f}")
        self.network.eval()

    def _step(self) -> None:
        step = len(self.losses)
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.learning_rate * self._learning_rate_factor(step)
        # By seed and step alone, so that a resumed run sees the same batches.
        rng = np.random.default_rng((self.recipe.seed, step))
        loss = self.loss(make_batch(self.wings, self.recipe.batch, self.recipe.mixing, rng))
        if not math.isfinite(loss.item()):
            raise TrainingError(
                f"the backbone's loss is {loss.item()} in step {step + 1}; "
                f"lower --learning-rate (now {self.recipe.learning_rate:g}); "
                f"the steps up to the last multiple of {SAVE_EVERY} are kept"
            )
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), _LARGEST_STEP)
        self.optimiser.step()
        self.losses.append(loss.item())

    def _learning_rate_factor(self, step: int) -> float:
        """Warm-up, then half a cosine."""
        along = math.pi * step / self.recipe.steps
        return min(1.0, (step + 1) / _WARM_UP) * (0.5 + 0.5 * math.cos(along))

    @property
    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(self.folder / "last.pt", asdict(self.recipe))

    def _save(self) -> None:
        self._checkpoint.save(
            {
                "network": self.network.state_dict(),
                "head": self.head.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "losses": self.losses,
            }
        )

    def resume(self) -> None:
        """Resume from `last.pt` if it exists. Raises TrainingError if it is of another run."""
        state = self._checkpoint.read(self.device)
        if state is None:
            return
        self.network.load_state_dict(state["network"])
        self.head.load_state_dict(state["head"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.losses = list(state["losses"])
        say(f"{self._checkpoint.path}: resumed after step {len(self.losses)}")


def train_backbone(
    folder: Path, recipe: BackboneRecipe, wings: Wings, preprocessing: dict[str, Any]
) -> None:
    """Train the backbone into FOLDER/model, in the public format. Raises TrainingError."""
    trainer = Trainer(folder, recipe, wings, preprocessing)
    trainer.resume()
    trainer.train()
    with replaced_folder(folder / "model") as temporary:
        trainer.network.save_pretrained(temporary)
