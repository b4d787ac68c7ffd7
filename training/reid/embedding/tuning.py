"""Compare numbers of tuned stages of a base network, and losses, inside the training data.

    python -m training.reid.embedding.tuning --data DIR [--of triplet_centroids] [--tuned 0 3 8]
        [--loss arcface] [--seeds 2] [--write NAME]

For each number of tuned stages (0: frozen, 8: everything) and each loss the preset `imagenet` is
trained on the images that are not for validation, once for each seed, and judged on the validation
images as thresholds are chosen (training/reid/thresholds/choose.py). Prints the means with their
ranges as a Markdown table; `--write NAME` writes it into the block `tuning-NAME` of
training/LOG.md.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from kit.markdown import table, write_block
from training.common.console import say
from training.common.script import changed, parser, run
from training.common.submission_files import ROOT
from training.reid.database import Database, read_database
from training.reid.embedding import swin, triplet
from training.reid.embedding.base import settle
from training.reid.embedding.recipe import (
    ARCFACE,
    CONTRASTIVE,
    TRIPLETS,
    Recipe,
    train_embedding,
)
from training.reid.images import read_squares
from training.reid.options import refuse_not_positive
from training.reid.thresholds.choose import choose_thresholds
from training.reid.thresholds.nearest import nearest_by_cosine, nearest_centroid
from training.reid.thresholds.validation import validation_rows

LOG = ROOT / "training" / "LOG.md"
EMBEDDINGS = {
    "triplet_centroids": (triplet, nearest_centroid),
    "megadescriptor_cosine": (swin, nearest_by_cosine),
}
LOSSES = {"triplets": TRIPLETS, "contrastive": CONTRASTIVE, "arcface": ARCFACE}
TITLES = ("submission", "loss", "stages tuned", "rank-1", "score", "minutes")


@dataclass(frozen=True)
class Measured:
    """What one training brought on the validation images; minutes: of training."""

    rank1: float
    score: float
    minutes: float


def measure(name: str, recipe: Recipe, database: Database, squares: Tensor) -> Measured:
    """Train on the images that are not for validation, and judge on those that are.

    Raises DataError and TrainingError.
    """
    module, nearest_of = EMBEDDINGS[name]
    validation = validation_rows(database)
    fit = np.flatnonzero(~validation)
    started = time.perf_counter()
    network, settings = module.build(recipe)
    if recipe.epochs:
        train_embedding(recipe, network, squares[fit], database.identity[fit], report=None)
    settle(network, squares[fit], settings)
    minutes = (time.perf_counter() - started) / 60
    nearest = nearest_of(module.embed_squares(network, squares, settings), database.identity)
    chosen = choose_thresholds(nearest, database.identity, database.dataset, validation).values()
    rank1 = float(np.mean([one.rank1 for one in chosen]))
    return Measured(rank1, float(np.mean([one.score for one in chosen])), minutes)


def tuned_recipes(
    name: str, options: argparse.Namespace, tuned: int, loss: str | None
) -> list[Recipe]:
    """The preset `imagenet` of a submission, with as many tuned stages and that loss, by seed.

    Frozen features are not trained, except for the linear layer of the triplet network.
    """
    recipe: Recipe = changed(EMBEDDINGS[name][0].PRESETS["imagenet"], options)
    assert recipe.base is not None
    epochs = recipe.epochs if tuned or name == "triplet_centroids" else 0
    made = replace(
        recipe,
        base=replace(recipe.base, tuned=tuned),
        epochs=epochs,
        loss=LOSSES[loss] if loss else recipe.loss,
    )
    return [replace(made, seed=seed) for seed in range(options.seeds)]


def cells(name: str, recipe: Recipe, found: Sequence[Measured]) -> list[str]:
    """Return the cells of a row: means, with the range where there are several trainings."""

    def shown(values: Sequence[float]) -> str:
        ends = f" ({min(values):.3f} to {max(values):.3f})" if len(values) > 1 else ""
        return f"{np.mean(values):.3f}{ends}"

    minutes = f"{np.mean([one.minutes for one in found]):.1f}"
    rank1, score = [one.rank1 for one in found], [one.score for one in found]
    assert recipe.base is not None
    loss = recipe.loss if recipe.epochs else "\u2013"
    return [name, loss, str(recipe.base.tuned), shown(rank1), shown(score), minutes]


def compare(options: argparse.Namespace) -> None:
    """Train every setting with every seed; print the table. Raises DataError, TrainingError."""
    database = read_database(options.data)
    rows = []
    for name, tuned, loss in itertools.product(options.of, options.tuned, options.losses):
        recipes = tuned_recipes(name, options, tuned, loss)
        squares = read_squares(database.paths, recipes[0].image_size, None)
        found = [measure(name, recipe, database, squares) for recipe in recipes]
        rows.append(cells(name, recipes[0], found))
        say(" | ".join(rows[-1]))
    block = "\n".join(table(TITLES, rows))
    say(block)
    if options.write:
        write_block(LOG, f"tuning-{options.write}", block)


def main(arguments: list[str] | None = None) -> int:
    """Run the script."""
    made = parser("training.reid.embedding.tuning", "Compare how much of a base is tuned.")
    made.add_argument("--data", type=Path, required=True, help="metadata.csv and images")
    made.add_argument("--of", nargs="+", choices=[*EMBEDDINGS], default=[*EMBEDDINGS])
    made.add_argument(
        "--tuned", nargs="+", type=int, default=[0, 3, 8], help="stages, from the end"
    )
    made.add_argument(
        "--loss",
        dest="losses",
        nargs="+",
        choices=[*LOSSES],
        default=[None],
        help="instead of the preset's",
    )
    made.add_argument("--seeds", type=int, default=1, help="trainings of each, default 1")
    made.add_argument("--epochs", type=int, help="instead of the preset's")
    made.add_argument("--steps", type=int, help="batches in an epoch, instead of the preset's")
    made.add_argument("--image-size", type=int, help="pixels, instead of the preset's")
    made.add_argument("--write", metavar="NAME", help="into that block of training/LOG.md")
    options = made.parse_args(arguments)
    refuse_not_positive(made, options, ("seeds", "epochs", "steps", "image_size"))
    return run(options, lambda: compare(options))


if __name__ == "__main__":
    raise SystemExit(main())
