"""Train the network that finds an animal's landmarks (wildlife_reid/alignment.py).

    python -m training.reid.landmarks.train --data DIR --out FILE.safetensors [--test DIR]

DIR holds images and landmarks.csv (training/reid/landmarks/data.py says which columns). With
`--test`, prints how far off the landmarks of other images are. Absolute error, rounded at zero
(smooth L1); AdamW; the learning rate falls along half a cosine; images are turned, shifted, zoomed
and recoloured with their landmarks. A killed run resumes after its last epoch from FILE.last.pt,
which is removed at the end.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from kornia.augmentation import (
    AugmentationSequential,
    ColorJiggle,
    RandomAffine,
    RandomGaussianNoise,
    RandomGrayscale,
)
from safetensors.torch import save
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from training.common import processes
from training.common.atomic import write_bytes
from training.common.checkpoints import Checkpoint
from training.common.console import say, say_epoch
from training.common.digests import short_digest
from training.common.epoch_checkpoints import EpochCheckpoint
from training.common.errors import TrainingError
from training.common.parallel import Parallel
from training.common.script import add_recipe_options, changed, parser, run
from training.reid.landmarks.data import Marked, read_marked
from training.reid.options import refuse_not_positive
from wildlife_reid.alignment import SIZE, LandmarkNetwork

CHANGEABLE = ("epochs", "steps", "learning_rate")  # fields of the recipe with an option


@dataclass(frozen=True)
class Recipe:
    """What decides the weights, besides the images. An epoch is `steps` batches."""

    epochs: int = 20
    steps: int = 100
    batch: int = 64  # images
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    rounded: float = 0.05  # error below which the loss is quadratic; half the square's side is 1
    seed: int = 0


def variation() -> AugmentationSequential:
    """Vary images (n, 3, s, s) of floats in 0..1 with their points (n, p, 2) in pixels."""
    return AugmentationSequential(
        RandomAffine(15.0, (0.1, 0.1), (0.85, 1.2), 5.0, padding_mode="border", p=1.0),
        ColorJiggle(0.3, 0.3, 0.3, 0.03, p=0.8),
        RandomGrayscale(p=0.15),
        RandomGaussianNoise(std=0.02, p=0.5),
        data_keys=["input", "keypoints"],
    )


class LandmarkTrainer:
    """Network and optimiser, saved whole after each epoch."""

    def __init__(self, recipe: Recipe, checkpoint: Checkpoint) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.parallel = Parallel()
        self.device = self.parallel.device
        self.network = LandmarkNetwork()
        self.parallel.prepare(self.network)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.saved = EpochCheckpoint(
            checkpoint,
            {
                "network": self.network,
                "optimiser": self.optimiser,
                "scaler": self.parallel.scaler,
            },
        )
        self.vary = variation()
        self.losses: list[float] = []

    def train(self, marked: Marked) -> LandmarkNetwork:
        """Train to the last epoch. Raises TrainingError where the loss is not finite."""
        self.losses = self.saved.resume(self.device)
        while len(self.losses) < self.recipe.epochs:
            # Seeded by the epoch, so that a resumed run sees the same images.
            torch.manual_seed(self.recipe.seed * 100_003 + len(self.losses))
            self.network.train()
            losses = [self._step(marked, step) for step in range(self.recipe.steps)]
            self.losses.append(sum(losses) / len(losses))
            self.saved.save(self.losses)
            say_epoch(len(self.losses), self.losses[-1])
        return self.network.cpu().eval()

    def _step(self, marked: Marked, step: int) -> float:
        done = (len(self.losses) + step / self.recipe.steps) / self.recipe.epochs
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
        chosen = torch.randint(len(marked), (self.recipe.batch,))
        pixels = marked.images[chosen].to(self.device).float() / 255
        points = in_pixels(marked.points[chosen]).to(self.device)
        pixels, points = self.vary(pixels, points)
        true = from_pixels(points)
        self.optimiser.zero_grad()
        loss = self.parallel.backward(
            self.network,
            pixels.clamp(0, 1),
            lambda predicted: smooth_l1_loss(predicted, true, beta=self.recipe.rounded),
        )
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} in epoch {len(self.losses) + 1}, step {step + 1}; "
                f"lower --learning-rate (now {self.recipe.learning_rate:g}) and train into another "
                "file"
            )
        self.parallel.step(self.optimiser)
        return loss


def in_pixels(points: Tensor) -> Tensor:
    """Points from -1..1 to pixels of the SIZE x SIZE square, which kornia turns."""
    return (points + 1) * SIZE / 2 - 0.5


def from_pixels(points: Tensor) -> Tensor:
    """The inverse of `in_pixels`."""
    return (points + 0.5) * 2 / SIZE - 1


@torch.inference_mode()
def errors(network: LandmarkNetwork, marked: Marked) -> Tensor:
    """(n,): mean distance of an image's ten landmarks, as a share of the square's side."""
    parts = torch.split(marked.images, 64)
    predicted = torch.cat([network(part.float() / 255) for part in parts])
    distance = torch.linalg.vector_norm(predicted - marked.points, dim=2)
    return torch.div(distance.mean(dim=1), 2)


def train(data: Path, out: Path, test: Path | None, recipe: Recipe) -> None:
    """Train on `data`, write the network to `out`. Raises DataError, TrainingError, OSError."""
    marked = read_marked(data)
    others = read_marked(test) if test else None
    say(f"{len(marked)} images with landmarks")
    digest = short_digest(marked.images.numpy().tobytes(), marked.points.numpy().tobytes())
    checkpoint = Checkpoint(
        out.with_name(out.name + ".last.pt"), {**asdict(recipe), "images": digest}
    )
    network = LandmarkTrainer(recipe, checkpoint).train(marked)
    processes.end_others()
    state = {n: t.half() if t.is_floating_point() else t for n, t in network.state_dict().items()}
    network.load_state_dict(state)  # rounded as in the file, so that the file is measured
    write_bytes(out, save(state))
    checkpoint.discard()
    for name, some in {"trained on": marked, "others": others}.items():
        if some:
            off = 100 * errors(network, some)
            say(
                f"{name}: landmarks {off.median():.1f} % of the image's side off (median of "
                f"images), {off.quantile(0.9):.1f} % for one in ten"
            )


def main(arguments: list[str] | None = None) -> int:
    made = parser("training.reid.landmarks.train", "Train the network that finds landmarks.")
    made.add_argument("--data", type=Path, required=True, help="images and landmarks.csv")
    made.add_argument("--out", type=Path, required=True, help="a .safetensors file")
    made.add_argument("--test", type=Path, help="other images and landmarks.csv")
    add_recipe_options(made, Recipe, CHANGEABLE)
    options = made.parse_args(arguments)
    refuse_not_positive(made, options, CHANGEABLE)
    torch.use_deterministic_algorithms(True, warn_only=True)
    recipe = changed(Recipe(), options)
    return run(options, lambda: train(options.data, options.out, options.test, recipe))


if __name__ == "__main__":
    raise SystemExit(main())
