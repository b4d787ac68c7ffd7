"""One training run: settings, both networks with their optimisers, checkpoint, log."""

from __future__ import annotations

import csv
import math
import os
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.autograd import backward

from training.common import processes
from training.common.atomic import replaced, write_json
from training.common.checkpoints import Checkpoint
from training.common.console import say
from training.common.errors import TrainingError
from training.common.parallel import Parallel
from training.common.whole_batch import in_32_bits
from training.hybrid.synthetic_hybrids.batches import (
    Examples,
    batch_keys,
    load_batches,
    steps_per_epoch,
)
from training.hybrid.synthetic_hybrids.lists import Pair, lists_digest
from training.hybrid.synthetic_hybrids.losses import (
    PerceptualLoss,
    discriminator_loss,
    feature_matching,
    least_squares,
    pixel_loss,
)
from training.hybrid.synthetic_hybrids.networks import Discriminator, Generator, Widths, initialise
from training.hybrid.synthetic_hybrids.weights import write_weights

CHECKPOINT = "checkpoint.pt"
GENERATOR = "generator.safetensors"
SETTINGS = "settings.json"
LOG = "log.csv"
_BETAS = (0.5, 0.999)
_LOSSES = ("generator", "adversarial", "features", "perceptual", "pixels", "discriminator")
_LOG_COLUMNS = ("step", "epoch", "learning_rate", *_LOSSES)


@dataclass(frozen=True)
class Settings:
    """Everything that decides the result, except the images; the defaults are published."""

    size: int = 256
    ngf: int = 64
    ndf: int = 64
    n_downsample: int = 4
    n_blocks: int = 9
    batch: int = 40
    epochs: int = 8000
    decay_epochs: int = 8000
    learning_rate: float = 2e-4
    seed: int = 202412
    save_every: int = 1000
    perceptual: bool = True
    pixels: float = 0.0  # weight of the L1 between images

    @property
    def widths(self) -> Widths:
        """Widths of both networks."""
        return Widths(self.ngf, self.ndf, self.n_downsample, self.n_blocks)

    def problems(self) -> list[str]:
        """Return everything that is wrong with the values."""
        zero_too = ("n_blocks", "epochs", "decay_epochs", "seed", "perceptual", "pixels")
        problems = [
            f"{name} {value}: expected more than 0"
            for name, value in asdict(self).items()
            if value < 0 or (value == 0 and name not in zero_too) or not math.isfinite(value)
        ]
        if self.epochs + self.decay_epochs == 0:
            problems.append("epochs and decay_epochs are both 0")
        wrong_size = None if problems else self.widths.problem_with(self.size)
        return [*problems, *([wrong_size] if wrong_size else [])]

    def learning_rate_at(self, epoch: int) -> float:
        """Return the learning rate: constant for `epochs`, then linear to 0 over `decay_epochs`."""
        if epoch < self.epochs:
            return self.learning_rate
        return self.learning_rate * (1 - (epoch - self.epochs) / self.decay_epochs)


FULL = Settings()
# Narrow, without a VGG19: the pixels' loss leads, at a learning rate that suffices in 1,800 steps.
SMALL = Settings(
    size=64,
    ngf=12,
    ndf=8,
    n_downsample=2,
    n_blocks=3,
    batch=4,
    epochs=6,
    decay_epochs=6,
    learning_rate=1e-3,
    perceptual=False,
    pixels=50.0,
)


class Run:
    """Networks, optimisers and files of a run in the folder `out`, resumed where it stopped.

    Raises TrainingError where the folder holds a run of other settings or images.
    """

    def __init__(
        self,
        out: Path,
        settings: Settings,
        pairs: list[Pair],
        perceptual: PerceptualLoss | None,
    ) -> None:
        self.out, self.settings, self.pairs = out, settings, pairs
        self.parallel = Parallel()
        self.device = self.parallel.device
        self.generator = Generator(settings.widths).to(self.device)
        self.discriminator = Discriminator(settings.ndf).to(self.device)
        self.perceptual = perceptual.to(self.device) if perceptual else None
        initialise(self.generator, settings.seed)
        initialise(self.discriminator, settings.seed + 1)
        self.parallel.prepare(self.generator, self.discriminator)
        self.optimisers = {
            "generator": torch.optim.Adam(
                self.generator.parameters(), settings.learning_rate, _BETAS
            ),
            "discriminator": torch.optim.Adam(
                self.discriminator.parameters(), settings.learning_rate, _BETAS
            ),
        }
        self.lists_digest = lists_digest(pairs)
        self.step = 0
        self.saved_step: int | None = None
        self._resume()

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""
        return steps_per_epoch(len(self.pairs), self.settings.batch)

    @property
    def last_step(self) -> int:
        """Steps of the whole run."""
        return (self.settings.epochs + self.settings.decay_epochs) * self.steps_per_epoch

    def start_from(self, generator: Generator) -> None:
        """Take over a generator's weights, unless the run has already begun."""
        if self.step:
            return
        try:
            self.generator.load_state_dict(generator.state_dict())
        except RuntimeError as error:
            raise TrainingError(f"--initial is a generator of other sizes: {error}") from error

    def learn(self, inputs: Tensor, target: Tensor) -> dict[str, float]:
        """Take one step of both networks. Raises TrainingError at a loss that is no number."""
        learning_rate = self.settings.learning_rate_at(self.step // self.steps_per_epoch)
        for optimiser in self.optimisers.values():
            optimiser.zero_grad(set_to_none=True)
            for group in optimiser.param_groups:
                group["lr"] = learning_rate
        # Every loss is a mean over images, so that of a batch is the mean of its shares' losses.
        sums = Counter[str]()
        for share in self.parallel.shares(len(inputs)):
            rows = list(share.rows)
            sums.update(self._gradients(inputs[rows], target[rows], len(rows) / len(inputs)))
        self.parallel.add_up(len(inputs))
        losses = self.parallel.of_batch(sums, len(inputs))
        self._stop_at_nan(losses)
        self.parallel.step(*self.optimisers.values())
        self.step += 1
        return losses

    def _gradients(self, inputs: Tensor, target: Tensor, weight: float) -> dict[str, float]:
        """Add the gradients of images that are `weight` of a batch; return their part in losses."""
        with self.parallel.mixed():
            fake = in_32_bits(self.generator(inputs)[0])
        real = self._judged(inputs, target)
        judged = self._judged(inputs, fake)
        parts = {
            "adversarial": least_squares(judged, real=True),
            "features": feature_matching(judged, real),
        }
        if self.perceptual:
            parts["perceptual"] = self.perceptual(fake, target)
        if self.settings.pixels:
            parts["pixels"] = self.settings.pixels * pixel_loss(fake, target)
        total = torch.stack(list(parts.values())).sum()
        scaled = self.parallel.scaled(total * weight)
        backward(scaled, inputs=list(self.generator.parameters()))
        detached = self._judged(inputs, fake.detach())
        parts |= {"generator": total, "discriminator": discriminator_loss(detached, real)}
        backward(self.parallel.scaled(parts["discriminator"] * weight))
        return {name: float(loss.detach()) * weight for name, loss in parts.items()}

    def _judged(self, inputs: Tensor, images: Tensor) -> list[list[Tensor]]:
        """What the discriminator says of images, scale by scale, in 32 bits."""
        with self.parallel.mixed():
            scales = self.discriminator(torch.cat([inputs, images], 1))
        return [[in_32_bits(one) for one in scale] for scale in scales]

    def _stop_at_nan(self, losses: dict[str, float]) -> None:
        bad = {name: loss for name, loss in losses.items() if not math.isfinite(loss)}
        if bad:
            kept = (
                f"that of step {self.saved_step} stays" if self.saved_step else "none was written"
            )
            raise TrainingError(
                f"step {self.step + 1}: loss {bad} is no finite number; checkpoint in {self.out}: "
                f"{kept}; try a smaller --learning-rate in another --out"
            )

    def save(self) -> None:
        """Write checkpoint, generator and settings, each whole or not at all."""
        self.out.mkdir(parents=True, exist_ok=True)
        write_weights(self.out / GENERATOR, self.generator.state_dict())
        write_json(self.out / SETTINGS, asdict(self.settings))
        self._checkpoint.save(
            {
                "step": self.step,
                "generator": self.generator.state_dict(),
                "discriminator": self.discriminator.state_dict(),
                "optimisers": {n: o.state_dict() for n, o in self.optimisers.items()},
            }
        )
        self.saved_step = self.step

    @property
    def _checkpoint(self) -> Checkpoint:
        made_with = {**asdict(self.settings), "lists": self.lists_digest}
        return Checkpoint(self.out / CHECKPOINT, made_with)

    def _resume(self) -> None:
        state = self._checkpoint.read()
        if state is None:
            return
        self.generator.load_state_dict(state["generator"])
        self.discriminator.load_state_dict(state["discriminator"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.step = self.saved_step = state["step"]


class Log:
    """log.csv, a row a step; rows that a killed run wrote after its checkpoint are removed."""

    def __init__(self, out: Path, step: int) -> None:
        out.mkdir(parents=True, exist_ok=True)
        path, kept = out / LOG, list[list[str]]()
        if not processes.is_first():
            path = Path(os.devnull)
        if path.is_file():
            with path.open(encoding="utf-8", newline="") as old:
                kept = [row for row in csv.reader(old) if _is_row_until(row, step)]
        with replaced(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as new:
            csv.writer(new, lineterminator="\n").writerows([_LOG_COLUMNS, *kept])
        self._file = path.open("a", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")

    def add(self, run: Run, losses: dict[str, float]) -> None:
        """Add the row of the run's latest step."""
        epoch = (run.step - 1) // run.steps_per_epoch
        shown = [f"{losses[name]:.6g}" if name in losses else "" for name in _LOSSES]
        self._writer.writerow(
            [run.step, epoch, f"{run.settings.learning_rate_at(epoch):.6g}", *shown]
        )
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _is_row_until(row: list[str], step: int) -> bool:
    return len(row) == len(_LOG_COLUMNS) and row[0].isdigit() and int(row[0]) <= step


def train(run: Run, base: Path, workers: int) -> None:
    """Train to the last step. Raises TrainingError, ImageError."""
    settings = run.settings
    if run.step:
        say(f"resumed after step {run.step} of {run.last_step}")
    keys = batch_keys(len(run.pairs), settings.batch, settings.seed, run.step, run.last_step)
    batches = load_batches(Examples(base, run.pairs, settings.size), keys, workers)
    log = Log(run.out, run.step)
    unsaved = 0
    try:
        for inputs, target in batches:
            losses = run.learn(inputs.to(run.device), target.to(run.device))
            log.add(run, losses)
            unsaved += len(inputs)
            if unsaved >= settings.save_every:
                run.save()
                unsaved = 0
            if run.step % run.steps_per_epoch == 0:
                shown = ", ".join(f"{name} {losses[name]:.3f}" for name in losses)
                say(f"epoch {run.step // run.steps_per_epoch}: {shown}")
    finally:
        log.close()
    if run.saved_step != run.step:
        run.save()
