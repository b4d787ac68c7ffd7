"""Train the wing network from masks that a teacher made.

    python -m training.hybrid.masks.train_unet --images DIR --masks DIR --out FOLDER
    python -m training.hybrid.masks.train_unet --images DIR --masks DIR --out FOLDER --preset full

Binary cross-entropy on logits, Adam, a tenth of the learning rate whenever the validation loss
rests for more than three epochs, the weights of the lowest validation loss: the published recipe
(team henryliao85, HDR butterfly challenge 2025); `--preset full` has its numbers. Validation images
are chosen by specimen (`--table`), else one by one. FOLDER gets `wing_unet.safetensors` (best
epoch), `log.csv` and `last.pt`, from which a rerun of the same command resumes, to the same weights
as without the break. `--epochs` may grow between runs.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from training.common import processes, script
from training.common.checkpoints import Checkpoint
from training.common.console import say
from training.common.errors import TrainingError
from training.common.logs import write_log
from training.common.parallel import Parallel
from training.hybrid.masks.pairs import WingPairs, read_pairs
from training.hybrid.split import validation_specimens
from wildlife_wings.unet import (
    STRIDE,
    CheckpointError,
    UNet256,
    network_input,
    read_unet,
    write_unet,
)

PATIENCE = 3
LOG_COLUMNS = ("epoch", "learning_rate", "train_loss", "validation_loss", "iou", "dice")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, except the images; `image_size` in pixels."""

    width: int
    image_size: int
    epochs: int
    batch: int
    learning_rate: float
    validation_share: float = 0.2
    seed: int = 0


PRESETS = {
    "small": Recipe(width=8, image_size=128, epochs=40, batch=8, learning_rate=1e-3),
    "full": Recipe(width=64, image_size=256, epochs=50, batch=16, learning_rate=1e-4),
}


@dataclass(frozen=True)
class Part:
    """Images (n, 3, s, s) and masks (n, 1, s, s) as bytes."""

    images: Tensor
    masks: Tensor

    def batches(self, order: Tensor, size: int, device: torch.device) -> Iterator[tuple[Any, Any]]:
        """Yield inputs (b, 3, s, s) and masks (b, 1, s, s) of 0 and 1, in the order (n,)."""
        for chosen in torch.split(order, size):
            pixels = self.images[chosen].to(device, non_blocking=True)
            yield network_input(pixels), self.masks[chosen].to(device).float()


class Trainer:
    """Network, optimiser and log; an epoch at a time, saved whole after each."""

    def __init__(self, out: Path, recipe: Recipe, network: UNet256, digest: str) -> None:
        self.out, self.recipe, self.digest = out, recipe, digest
        self.parallel = Parallel()
        self.device = self.parallel.device
        self.parallel.prepare(network)
        self.network = network
        self.optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
        self.plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
            self.optimiser, mode="min", patience=PATIENCE
        )
        self.log: list[dict[str, float]] = []

    def train(self, training: Part, validation: Part) -> None:
        """Train to the last epoch. Raises TrainingError if the loss is not finite."""
        while len(self.log) < self.recipe.epochs:
            learning_rate = float(self.optimiser.param_groups[0]["lr"])
            loss = self._epoch(training)
            measured = measure(self.network, validation, self.recipe.batch, self.device)
            self._check(measured["validation_loss"], "validation")
            self.plateau.step(measured["validation_loss"])
            best = min((row["validation_loss"] for row in self.log), default=math.inf)
            row = {
                "epoch": len(self.log) + 1,
                "learning_rate": learning_rate,
                "train_loss": loss,
                **measured,
            }
            self.log.append(row)
            if measured["validation_loss"] < best:
                write_unet(self.network, self.recipe.image_size, self.out / "wing_unet.safetensors")
            self._save()
            say(", ".join(f"{name} {row[name]:.4g}" for name in LOG_COLUMNS))
        processes.wait()  # the best network is written, for whoever reads it next

    def _epoch(self, training: Part) -> float:
        self.network.train()
        # The order depends on seed and epoch alone, so that a resumed run sees the same batches.
        generator = torch.Generator().manual_seed(self.recipe.seed * 100_003 + len(self.log))
        order = torch.randperm(len(training.images), generator=generator)
        total = 0.0
        batches = training.batches(order, self.recipe.batch, self.device)
        for step, (pixels, masks) in enumerate(batches, start=1):
            self.optimiser.zero_grad()
            loss = self.parallel.backward(
                self.network, pixels, partial(binary_cross_entropy_with_logits, target=masks)
            )
            self._check(loss, f"step {step}")
            self.parallel.step(self.optimiser)
            total += loss * len(pixels)
        return total / len(training.images)

    def _check(self, loss: float, where: str) -> None:
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} in epoch {len(self.log) + 1}, {where}; "
                f"lower --learning-rate (now {self.recipe.learning_rate:g}) "
                "and train into another folder; "
                f"the {len(self.log)} epochs before it are kept in {self.out}"
            )

    @property
    def _checkpoint(self) -> Checkpoint:
        recipe = asdict(self.recipe)
        del recipe["epochs"]  # may grow
        return Checkpoint(self.out / "last.pt", {**recipe, "images and start": self.digest})

    def _save(self) -> None:
        self._checkpoint.save(
            {
                "network": self.network.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "plateau": self.plateau.state_dict(),
                "log": self.log,
            }
        )
        write_log(self.out / "log.csv", LOG_COLUMNS, self.log)

    def resume(self) -> None:
        """Resume from `last.pt` if it exists. Raises TrainingError if it is of another run."""
        state = self._checkpoint.read(self.device)
        if state is None:
            return
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.plateau.load_state_dict(state["plateau"])
        self.log = state["log"]
        say(f"{self._checkpoint.path}: resumed after epoch {len(self.log)}")


@torch.inference_mode()
def measure(network: nn.Module, part: Part, batch: int, device: torch.device) -> dict[str, float]:
    """Return the mean loss, IoU and Dice per image at probability 0.5 (1 if both are empty)."""
    network.eval()
    loss, iou, dice = 0.0, 0.0, 0.0
    for pixels, masks in part.batches(torch.arange(len(part.images)), batch, device):
        logits = network(pixels)
        loss += binary_cross_entropy_with_logits(logits, masks).item() * len(masks)
        predicted, true = logits > 0, masks > 0
        both = (predicted & true).flatten(1).sum(1)
        either = (predicted | true).flatten(1).sum(1)
        iou += torch.where(either > 0, both / either.clamp(min=1), 1.0).sum().item()
        dice += torch.where(either > 0, 2 * both / (both + either).clamp(min=1), 1.0).sum().item()
    count = len(part.images)
    return {"validation_loss": loss / count, "iou": iou / count, "dice": dice / count}


def split(pairs: WingPairs, recipe: Recipe) -> tuple[Part, Part]:
    """Return the training and the validation part, no specimen in both. Raises TrainingError."""
    chosen = validation_specimens(pairs.specimens, recipe.validation_share, recipe.seed)
    if not chosen:
        raise TrainingError(
            f"{len(set(pairs.specimens))} specimen(s), {recipe.validation_share:.0%} of the images "
            "for validation: expected at least two specimens, and a share above 0"
        )
    inside = torch.tensor([specimen in chosen for specimen in pairs.specimens])
    training = Part(pairs.images[~inside], pairs.masks[~inside])
    validation = Part(pairs.images[inside], pairs.masks[inside])
    say(
        f"{len(pairs.names)} images: {len(training.images)} to train, "
        f"{len(validation.images)} of {len(chosen)} other specimens to validate"
    )
    return training, validation


def start_network(recipe: Recipe, init: Path | None) -> UNet256:
    """Return a fresh network by the seed, or that of a checkpoint. Raises CheckpointError."""
    torch.manual_seed(recipe.seed)
    if init is None:
        return UNet256(recipe.width)
    network, _ = read_unet(init)
    if network.width != recipe.width:
        raise CheckpointError(
            f"{init} has width {network.width}, but {recipe.width} is asked for; "
            f"give --width {network.width}"
        )
    return network


def parse(arguments: list[str] | None) -> tuple[argparse.Namespace, Recipe]:
    """Return the options, and the recipe that they and the preset give."""
    parser = script.parser("training.hybrid.masks.train_unet", "Train the wing network from masks.")
    parser.add_argument("--images", type=Path, required=True, help="images, also in subfolders")
    parser.add_argument("--masks", type=Path, help="NAME_mask.png for each (default: next to them)")
    parser.add_argument("--table", type=Path, help="CSV: filename and specimen or CAMID")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--init", type=Path, help="start from this checkpoint (.pth, .safetensors)")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="small")
    script.add_recipe_options(parser, Recipe)
    options = parser.parse_args(arguments)
    recipe = script.changed(PRESETS[options.preset], options)
    if min(recipe.width, recipe.epochs, recipe.batch) < 1 or not recipe.learning_rate > 0:
        parser.error("--width, --epochs, --batch and --learning-rate must be above 0")
    if recipe.image_size < STRIDE or recipe.image_size % STRIDE:
        parser.error(f"--image-size {recipe.image_size}: expected a multiple of {STRIDE}")
    if not 0 < recipe.validation_share < 1:
        parser.error(
            f"--validation-share {recipe.validation_share:g}: expected a share between 0 and 1"
        )
    return options, recipe


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, train and return the exit status."""
    options, recipe = parse(arguments)
    return script.run(options, lambda: train(options, recipe), also=(CheckpointError,))


def train(options: argparse.Namespace, recipe: Recipe) -> int:
    """Train the network and say which epoch was best."""
    pairs = read_pairs(
        options.images, options.masks or options.images, recipe.image_size, options.table
    )
    training, validation = split(pairs, recipe)
    options.out.mkdir(parents=True, exist_ok=True)
    digest = f"{pairs.digest()} {options.init or 'fresh'}"
    trainer = Trainer(options.out, recipe, start_network(recipe, options.init), digest)
    trainer.resume()
    trainer.train(training, validation)
    best = min(trainer.log, key=lambda row: row["validation_loss"])
    say(
        f"{options.out / 'wing_unet.safetensors'}: epoch {best['epoch']:.0f}, validation loss "
        f"{best['validation_loss']:.4f}, IoU {best['iou']:.3f}, Dice {best['dice']:.3f}"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
