"""Train an encoder of animals on pairs of views of annotated crops (SimCLR).

    python -m training.anomaly.train_simclr --data DIR --out FOLDER
    python -m training.anomaly.train_simclr --data DIR --out FOLDER --preset imagenet
    python -m training.anomaly.train_simclr --data DIR --out FOLDER --preset full \\
        --backbone local-dir:PATH --loss triplet

DIR holds annotations.json (COCO camera traps) and images/. Presets: `small` learns from scratch,
`imagenet` tunes the last stage of EfficientNet-Lite0 at a low learning rate, `full` is the
published ResNet-50 (timm's weights, `hf-hub:` or `local-dir:`). The loss is NT-Xent, or the
published triplet loss between species. FOLDER gets encoder.json, weights and log.csv; a killed run
resumes from FOLDER/last.pt, which is removed at the end.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from training.anomaly.camera_traps import IMAGES, Frame, read_camera_traps
from training.anomaly.simclr.files import WEIGHTS, encoder_files, write_encoder
from training.anomaly.simclr.recipe import NT_XENT, PRESETS, TRIPLET, Recipe, build
from training.anomaly.simclr.trainer import PairTrainer
from training.anomaly.species.features import check_species
from training.common.atomic import discard
from training.common.checkpoints import Checkpoint
from training.common.console import say
from training.common.digests import short_digest
from training.common.images import read_each, upright_size
from training.common.logs import write_log
from training.common.script import add_recipe_options, changed, parser, run
from wildlife_anomaly.crops import Pixels, crop_square, rescaled, served_frame


def read_crops(
    data: Path, frames: Sequence[Frame], recipe: Recipe
) -> tuple[Tensor, NDArray[np.str_]]:
    """Return crops (n, 3, s, s) bytes of all boxes, and their species (n,).

    Raises DataError that names all images which cannot be read.
    """
    with_boxes = [frame for frame in frames if frame.boxes]
    places = iter(with_boxes)

    def of_frame(image: Image.Image) -> list[Pixels]:
        frame, measured, seen = next(places), upright_size(image), served_frame(image)
        boxes = [
            rescaled((box.left, box.top, box.width, box.height), measured, seen.size)
            for box in frame.boxes
        ]
        return [crop_square(seen, box, recipe.image_size, recipe.box_margin) for box in boxes]

    paths = [data / IMAGES / frame.file_name for frame in with_boxes]
    crops = np.stack([crop for some in read_each(paths, of_frame, "trained") for crop in some])
    species = np.array([box.species for frame in with_boxes for box in frame.boxes])
    return torch.from_numpy(crops).movedim(-1, 1), species


def train_encoder(data: Path, out: Path, recipe: Recipe) -> None:
    """Train an encoder and write its folder. Raises DataError and TrainingError."""
    frames = read_camera_traps(data)
    check_species(frames)
    encoder, settings = build(recipe)
    if recipe.epochs:
        crops, species = read_crops(data, frames, recipe)
        say(f"{len(crops)} crops of {len(set(species.tolist()))} species")
        digest = short_digest(crops.numpy().tobytes(), "\n".join(species.tolist()))
        out.mkdir(parents=True, exist_ok=True)
        checkpoint = Checkpoint(out / "last.pt", {**asdict(recipe), "crops": digest})
        losses = PairTrainer(encoder, recipe, checkpoint).train(crops, species)
        rows = [{"epoch": n, "loss": loss} for n, loss in enumerate(losses, start=1)]
        write_log(out / "log.csv", ("epoch", "loss"), rows)
    if recipe.epochs or "base" not in settings:
        settings["weights"] = WEIGHTS
    write_encoder(out, settings, encoder_files(encoder, settings))
    discard(out / "last.pt")


def add_options(made: argparse.ArgumentParser) -> None:
    """Add the options that decide an encoder."""
    made.add_argument("--preset", choices=tuple(PRESETS), default="small")
    made.add_argument("--backbone", help="instead of the preset's; any name that timm takes")
    made.add_argument("--loss", choices=(NT_XENT, TRIPLET))
    names = ("image_size", "epochs", "batch", "learning_rate", "temperature", "margin",
             "projection", "seed")  # fmt: skip
    add_recipe_options(made, Recipe, names)


def chosen_recipe(options: argparse.Namespace) -> Recipe:
    """The preset, with what the command line changes."""
    return changed(PRESETS[options.preset], options)


def main(arguments: list[str] | None = None) -> int:
    made = parser("training.anomaly.train_simclr", "Train an encoder of animals.")
    made.add_argument("--data", type=Path, required=True, help="annotations.json and images/")
    made.add_argument("--out", type=Path, required=True, help="folder of the encoder")
    add_options(made)
    options = made.parse_args(arguments)
    return run(options, lambda: train_encoder(options.data, options.out, chosen_recipe(options)))


if __name__ == "__main__":
    raise SystemExit(main())
