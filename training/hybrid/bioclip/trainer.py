"""Train a tower and a head, an epoch at a time, so that a killed run can be resumed."""

from __future__ import annotations

import math
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize
from torch.utils.data import DataLoader

from training.common.base_network import freeze as freeze_stages
from training.common.base_network import train_mode
from training.common.checkpoints import Checkpoint
from training.common.console import say
from training.common.errors import TrainingError
from training.common.logs import write_log
from training.common.parallel import Parallel
from training.hybrid.bioclip.batches import FEWEST_SHARE, Shift, cross, partners, shift
from training.hybrid.bioclip.images import Images, Labels, Order
from training.hybrid.bioclip.recipe import Recipe
from wildlife_wings.clip_views import normalised
from wildlife_wings.lite_tower import LiteTower

LOG_COLUMNS = ("epoch", "learning_rate", "train_loss", "validation_loss", "validation_accuracy")
WARM_UP = 0.15  # share of a one-cycle schedule
LARGEST_GRADIENT = 1.0  # of the small preset; the published recipe does not clip


class Classifier(nn.Module):
    """Tower and head: normalised pixels (b, 3, h, w) to logits (b, c)."""

    def __init__(self, tower: nn.Module, head: nn.Linear, normalise: bool) -> None:
        super().__init__()
        self.tower, self.head, self.normalise = tower, head, normalise

    def features(self, pixels: Tensor) -> Tensor:
        """Map normalised pixels (b, 3, h, w) to features (b, d)."""
        features: Tensor = self.tower(pixels)
        return normalize(features, dim=-1) if self.normalise else features

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(pixels))
        return logits


def freeze(tower: nn.Module, blocks: int) -> None:
    """Freeze all but the last attention `blocks` and ln_post; -1: none. Raises TrainingError.

    Of a base network, the blocks are its stages.
    """
    if blocks < 0:
        return
    if isinstance(tower, LiteTower):
        freeze_stages(tower, blocks)
        return
    all_blocks = getattr(getattr(tower, "transformer", None), "resblocks", None)
    if all_blocks is None or blocks > len(all_blocks):
        known = (
            "no attention blocks of open_clip's"
            if all_blocks is None
            else f"{len(all_blocks)} of them"
        )
        raise TrainingError(f"--blocks {blocks}: the tower has {known}; -1 trains all of it")
    tower.requires_grad_(False)
    for part in (*list(all_blocks)[len(all_blocks) - blocks :], tower.ln_post):
        part.requires_grad_(True)


class Trainer:
    """Tower, head, optimiser and log; an epoch at a time, saved whole after each."""

    def __init__(self, out: Path, recipe: Recipe, model: Classifier, digest: str) -> None:
        self.out, self.recipe, self.digest = out, recipe, digest
        self.parallel = Parallel()
        self.device, self.model = self.parallel.device, model
        freeze(model.tower, recipe.blocks)
        self.parallel.prepare(model)
        groups = [
            {"params": [p for p in part.parameters() if p.requires_grad], "lr": learning_rate}
            for part, learning_rate in (
                (model.tower, recipe.learning_rate),
                (model.head, recipe.head_learning_rate),
            )
        ]
        self.optimiser = torch.optim.AdamW(
            [g for g in groups if g["params"]], weight_decay=recipe.weight_decay
        )
        self.learning_rates = [float(group["lr"]) for group in self.optimiser.param_groups]
        self.log: list[dict[str, float]] = []

    def train(self, labels: Labels, images: Images, validation: torch.Tensor) -> None:
        """Train to the last epoch; `validation` (n,) says which rows are not trained on.

        Raises TrainingError where the loss is not finite.
        """
        rows = torch.nonzero(~validation)[:, 0].tolist()
        order = Order(labels.own[rows], self.recipe.balanced, self.recipe.seed)
        subset = torch.utils.data.Subset(images, rows)
        loader = DataLoader(subset, self.recipe.batch, sampler=order)
        while len(self.log) < self.recipe.epochs:
            order.epoch = len(self.log)
            loss = self._epoch(labels, loader)
            measured = self._measure(labels, images, torch.nonzero(validation)[:, 0].tolist())
            row = {
                "epoch": len(self.log) + 1,
                "learning_rate": self._learning_rate(0),
                "train_loss": loss,
            }
            self.log.append(row | measured)
            self.save()
            text = ", ".join(f"{name} {value:.4g}" for name, value in self.log[-1].items())
            say(text)

    def _epoch(self, labels: Labels, loader: Any) -> float:
        train_mode(self.model)
        torch.manual_seed(self.recipe.seed * 100_003 + len(self.log))
        targets = torch.from_numpy(labels.targets)
        views = torch.from_numpy((labels.view[:, None] == sorted(set(labels.view))).argmax(1))
        total, seen = 0.0, 0
        for step, (pixels, rows) in enumerate(loader):
            self._set_learning_rate((len(self.log) + step / len(loader)) / self.recipe.epochs)
            generator = self.generator(len(self.log), step)
            pixels = pixels.to(self.device)
            shown, taught = self.batch(pixels, targets[rows], views[rows], labels.hybrid, generator)
            self.optimiser.zero_grad()
            loss = self.parallel.backward(
                self.model,
                normalised(shown, self.recipe.preprocessing()),
                partial(cross_entropy, target=taught.to(self.device)),
            )
            self._check(loss, f"step {step + 1}")
            longest = LARGEST_GRADIENT if self.recipe.cycle else math.inf
            self.parallel.step(self.optimiser, clipped=self.model.parameters(), longest=longest)
            total, seen = total + loss * len(rows), seen + len(rows)
        return total / seen

    def batch(
        self, pixels: Tensor, targets: Tensor, views: Tensor, hybrid: int | None, generator: Any
    ) -> tuple[Tensor, Tensor]:
        """Map bytes (b, v, 3, h, w) to images (b + crosses, 3, h, w) in 0..255, and targets."""
        count = len(pixels)
        chosen = torch.randint(pixels.shape[1], (count,), generator=generator)
        shown = pixels[torch.arange(count, device=pixels.device), chosen.to(pixels.device)].float()
        if self.recipe.shift:
            shown = shift(shown / 255, Shift(), generator) * 255
        number = round(self.recipe.crosses * count)
        if not number:
            return shown, targets
        other = partners(targets.argmax(1), views, generator)[:number]
        crossed, share = cross(shown[:number] / 255, shown[other.to(shown.device)] / 255, generator)
        share = share.cpu()
        taught = share[:, None] * targets[:number] + (1 - share[:, None]) * targets[other]
        if hybrid is not None:
            taught = taught * (1 - self.recipe.cross_mass)
            taught[:, hybrid] += self.recipe.cross_mass
        kept = (share > FEWEST_SHARE) & (share < 1 - FEWEST_SHARE)
        shown = torch.cat([shown, crossed[kept.to(shown.device)] * 255])
        return shown, torch.cat([targets, taught[kept]])

    def generator(self, epoch: int, step: int) -> torch.Generator:
        """Return random numbers of an epoch and step: the same after a break."""
        place = (epoch * 100_003 + step) * 1009
        return torch.Generator().manual_seed(self.recipe.seed * 1_000_000_007 + place)

    def _learning_rate(self, group: int) -> float:
        return float(self.optimiser.param_groups[group]["lr"])

    def _set_learning_rate(self, done: float) -> None:
        factor = 1.0
        if self.recipe.cycle:
            rising = min(done / WARM_UP, 1.0)
            falling = max((done - WARM_UP) / (1 - WARM_UP), 0.0)
            factor = max(0.04 + 0.96 * rising, 0.0) * (1 + math.cos(math.pi * falling)) / 2
        for group, learning_rate in zip(
            self.optimiser.param_groups, self.learning_rates, strict=True
        ):
            group["lr"] = learning_rate * factor

    def _measure(self, labels: Labels, images: Images, rows: list[int]) -> dict[str, float]:
        """Mean loss, and share of images in their own class; nothing without validation rows."""
        if not rows:
            return {}
        logits = self.logits(images, rows)
        targets = torch.from_numpy(labels.targets[rows])
        loss = cross_entropy(logits, targets).item()
        self._check(loss, "validation")
        right = (logits.argmax(1) == targets.argmax(1)).float().mean().item()
        return {"validation_loss": loss, "validation_accuracy": right}

    @torch.inference_mode()
    def logits(self, images: Images, rows: list[int]) -> Tensor:
        """Return logits (n, c) on the CPU, from the mean feature of each image's views."""
        model = self.model.eval()
        logits: Tensor = model.head(self.features(images, rows).to(self.device))
        return logits.cpu()

    @torch.inference_mode()
    def features(self, images: Images, rows: list[int]) -> Tensor:
        """Return features (n, d) on the CPU: the mean over each image's views."""
        model = self.model.eval()
        batches = []
        for chosen in torch.split(torch.tensor(rows), self.recipe.batch):
            views = torch.stack([images[row][0] for row in chosen.tolist()])
            pixels = views.flatten(0, 1).to(self.device)
            features = model.features(normalised(pixels, self.recipe.preprocessing()))
            batches.append(features.view(len(chosen), -1, features.shape[-1]).mean(1).cpu())
        return torch.cat(batches)

    def _check(self, loss: float, where: str) -> None:
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} in epoch {len(self.log) + 1}, {where}; "
                f"lower --learning-rate (now {self.recipe.learning_rate:g}) and "
                f"--head-learning-rate (now {self.recipe.head_learning_rate:g}) and train "
                f"into another folder; the {len(self.log)} epochs before it are kept in {self.out}"
            )

    @property
    def _checkpoint(self) -> Checkpoint:
        recipe = asdict(self.recipe)
        if not self.recipe.cycle:
            del recipe["epochs"]  # may grow
        return Checkpoint(self.out / "last.pt", {**recipe, "table and start": self.digest})

    def save(self) -> None:
        """Write checkpoint and log, each in one step."""
        scaler = self.parallel.scaler
        self._checkpoint.save(
            {
                "model": self.model.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "scaler": scaler.state_dict() if scaler else {},
                "log": self.log,
            }
        )
        write_log(self.out / "log.csv", LOG_COLUMNS, self.log)

    def resume(self) -> None:
        """Resume from `last.pt` if it exists. Raises TrainingError if it is of another run."""
        state = self._checkpoint.read(self.device)
        if state is None:
            return
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.parallel.scaler:
            self.parallel.scaler.load_state_dict(state["scaler"])
        self.log = state["log"]
        say(f"{self._checkpoint.path}: resumed after epoch {len(self.log)}")
