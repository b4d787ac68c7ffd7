"""Train the generator on photographs and their edges; the same command resumes a killed run.

    python -m training.hybrid.synthetic_hybrids.train --dataroot LISTS --out RUN
    torchrun --nproc_per_node 4 -m training.hybrid.synthetic_hybrids.train --dataroot LISTS \\
        --out RUN --preset full
    python -m training.hybrid.synthetic_hybrids.train --dataroot LISTS --out RUN \\
        --vgg vgg19.pth --epochs 40

LISTS is DATAROOT/Lists/train, which prepare.py makes. RUN gets generator.safetensors (what
generate.py takes), settings.json, log.csv, and checkpoint.pt, from which the same command resumes.
Full has the published sizes and schedule, with a VGG19 that is downloaded or given. The small
preset takes minutes on a processor: narrow networks, and an L1 between images in place of the
VGG19.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, fields
from pathlib import Path

import torch

from training.common import script
from training.common.errors import TrainingError
from training.hybrid.synthetic_hybrids.factory_run import (
    FULL,
    SMALL,
    Run,
    Settings,
    train,
)
from training.hybrid.synthetic_hybrids.images import PREPARED
from training.hybrid.synthetic_hybrids.lists import TRAIN, base_folder, read_pairs
from training.hybrid.synthetic_hybrids.losses import TORCHVISION, PerceptualLoss, perceptual_loss
from training.hybrid.synthetic_hybrids.networks import generator_from_state
from training.hybrid.synthetic_hybrids.weights import read_weights

PRESETS = {"small": SMALL, "full": FULL}
_MEANINGS = {
    "size": "side of the images in pixels",
    "ngf": "channels behind the generator's first convolution",
    "ndf": "the same of the discriminator",
    "n_downsample": "halvings in the encoder",
    "n_blocks": "residual blocks",
    "batch": "images a step",
    "epochs": "epochs at the full learning rate",
    "decay_epochs": "further epochs, over which the learning rate falls to 0",
    "learning_rate": "Adam's learning rate",
    "seed": "of weights, order and warps",
    "pixels": "weight of the L1 between images",
    "save_every": "images between checkpoints",
}


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = script.parser("training.hybrid.synthetic_hybrids.train", "Train the image generator.")
    parser.add_argument("--dataroot", type=Path, required=True, help="folder of the train lists")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="small")
    for field in fields(Settings):
        if field.name in _MEANINGS:
            parser.add_argument(
                "--" + field.name.replace("_", "-"),
                type=float if field.name in ("learning_rate", "pixels") else int,
                help=f"{_MEANINGS[field.name]} ({_presets(field.name)})",
            )
    perceptual = parser.add_mutually_exclusive_group()
    perceptual.add_argument(
        "--vgg", help="VGG19 weights, a file (full: torchvision's public; small: no such loss)"
    )
    perceptual.add_argument("--no-perceptual", action="store_true")
    parser.add_argument("--initial", type=Path, help="generator weights to start from")
    parser.add_argument("--threads", type=int, help="of the processor (default: PyTorch's)")
    parser.add_argument("--workers", type=int, default=0, help="processes that make examples")
    return parser.parse_args(arguments)


def _presets(name: str) -> str:
    return ", ".join(f"{preset}: {getattr(s, name)}" for preset, s in PRESETS.items())


def settings_of(options: argparse.Namespace) -> Settings:
    """Return the preset with the options' changes. Raises TrainingError for unusable values."""
    values = asdict(PRESETS[options.preset])
    given = {name: getattr(options, name) for name in _MEANINGS}
    values |= {name: value for name, value in given.items() if value is not None}
    perceptual = bool(options.vgg or (values["perceptual"] and not options.no_perceptual))
    settings = Settings(**values | {"perceptual": perceptual})
    problems = settings.problems() + size_problems(options.dataroot, settings.size)
    if problems:
        raise TrainingError("\n  ".join([f"{len(problems)} unusable option(s)", *problems]))
    return settings


def size_problems(dataroot: Path, size: int) -> list[str]:
    """Return a problem if prepare.py wrote smaller images: they would only be blown up."""
    path = base_folder(dataroot.resolve()) / PREPARED
    prepared = json.loads(path.read_text(encoding="utf-8"))["size"] if path.is_file() else size
    if prepared >= size:
        return []
    return [f"size {size}: {path.parent} was prepared with {prepared} (prepare.py --size {size})"]


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, train and return the exit status."""
    options = parse(arguments)
    return script.run(options, lambda: train_generator(options))


def train_generator(options: argparse.Namespace) -> int:
    """Train the generator."""
    if options.threads:
        torch.set_num_threads(options.threads)
    settings = settings_of(options)
    pairs = read_pairs(options.dataroot, TRAIN)
    perceptual: PerceptualLoss | None = None
    if settings.perceptual:
        perceptual = perceptual_loss(options.vgg or TORCHVISION)
    run = Run(options.out, settings, pairs, perceptual)
    if options.initial:
        run.start_from(generator_from_state(read_weights(options.initial)))
    train(run, base_folder(options.dataroot.resolve()), options.workers)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
