"""Fit the head of a tower that stays as it is: features first, then what is learned from them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from training.common.console import say
from training.common.errors import TrainingError
from training.hybrid.bioclip.images import Images, Labels, Order
from training.hybrid.bioclip.trainer import Trainer
from wildlife_wings.clip_views import normalised

STEPS = 300
WEIGHT_DECAY = 1.0
_LEAST_STD = 1e-3  # of the largest: a feature that hardly varies is not blown up


def fit_head(trainer: Trainer, labels: Labels, images: Images) -> None:
    """Fit the trainer's head to `epochs` passes over shifted images and crosses, as it draws them.

    The head learns from standardised features, which its weights then do.
    Raises TrainingError where the loss is not finite.
    """
    features, targets = drawn_features(trainer, labels, images)
    std, mean = torch.std_mean(features, dim=0)
    std = std.clamp(min=_LEAST_STD * float(std.max()))
    scaled = (features - mean) / std
    torch.manual_seed(trainer.recipe.seed)
    head = torch.nn.Linear(features.shape[1], targets.shape[1]).to(features.device)
    learning_rate = trainer.recipe.head_learning_rate
    optimiser = torch.optim.AdamW(head.parameters(), learning_rate, weight_decay=WEIGHT_DECAY)
    for step in range(STEPS):
        optimiser.zero_grad()
        loss = cross_entropy(head(scaled), targets)
        if not np.isfinite(loss.item()):
            raise TrainingError(f"the head's loss is {loss.item()} in step {step + 1}")
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    say(f"head: loss {loss.item():.3f} after {STEPS} steps on {len(features)} images")
    with torch.no_grad():
        served = trainer.model.head
        served.weight.copy_(head.weight / std)
        served.bias.copy_(head.bias - served.weight @ mean)


@torch.inference_mode()
def _features_of(trainer: Trainer, shown: Tensor) -> Tensor:
    model = trainer.model.eval()
    pixels = normalised(shown.to(trainer.device), trainer.recipe.preprocessing())
    return model.features(pixels)


def drawn_features(trainer: Trainer, labels: Labels, images: Images) -> tuple[Tensor, Tensor]:
    """Return features (n, d) and targets (n, c) of the batches that the trainer would see."""
    order = Order(labels.own, trainer.recipe.balanced, trainer.recipe.seed)
    targets = torch.from_numpy(labels.targets)
    view_number = torch.from_numpy((labels.view[:, None] == sorted(set(labels.view))).argmax(1))
    features, taught = [], []
    for epoch in range(trainer.recipe.epochs):
        order.epoch = epoch
        for step, rows in enumerate(torch.split(torch.tensor(list(order)), trainer.recipe.batch)):
            generator = trainer.generator(epoch, step)
            pixels = torch.stack([images[row][0] for row in rows.tolist()])
            shown, wanted = trainer.batch(
                pixels, targets[rows], view_number[rows], labels.hybrid, generator
            )
            features.append(_features_of(trainer, shown))
            taught.append(wanted)
        say(f"features of pass {epoch + 1} of {trainer.recipe.epochs}")
    found = torch.cat(features).clone()  # an inference tensor could not be learned from
    return found, torch.cat(taught).to(found.device)
