"""Compare numbers of tuned stages of a base network, and losses, inside the training data.

    python -m training.reid.embedding.tuning --data DIR [--of triplet_centroids] [--tuned 0 3 8]
        [--loss arcface triplets] [--seeds 3] [--write NAME]

For each number of tuned stages (0: frozen, 8: everything) the preset `imagenet` is trained on the
images that are not for validation, once for each seed, and judged on the validation images as
thresholds are chosen (training/reid/thresholds/choose.py). Then the preset's own number of stages
is tuned by the other losses. Prints a Markdown table: means with their ranges, and the mean
difference of each score from the first row of its submission, seed by seed, with its standard
error. `--write NAME` writes the table into the block `tuning-NAME` of training/LOG.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from kit.markdown import table
from training.common.console import say
from training.common.log_blocks import expect_block, log_table
from training.common.paired import mean_and_range, paired_difference
from training.common.script import changed, parser, run
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

EMBEDDINGS = {
    "triplet_centroids": (triplet, nearest_centroid),
    "megadescriptor_cosine": (swin, nearest_by_cosine),
}
LOSSES = {"triplets": TRIPLETS, "contrastive": CONTRASTIVE, "arcface": ARCFACE}
TITLES = ("submission", "loss", "stages tuned", "rank-1", "score", "paired difference", "minutes")


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


def settings_of(name: str, options: argparse.Namespace) -> Iterator[Recipe]:
    """Yield the recipes of a submission's rows: by tuned stages, then by other losses.

    Frozen features are not trained, except for the linear layer of the triplet network.
    """
    preset: Recipe = changed(EMBEDDINGS[name][0].PRESETS["imagenet"], options)
    assert preset.base is not None
    for tuned in options.tuned:
        epochs = preset.epochs if tuned or name == "triplet_centroids" else 0
        yield replace(preset, base=replace(preset.base, tuned=tuned), epochs=epochs)
    for loss in options.losses:
        if LOSSES[loss] != preset.loss:
            yield replace(preset, loss=LOSSES[loss])


def cells(
    name: str, recipe: Recipe, found: Sequence[Measured], baseline: Sequence[Measured]
) -> list[str]:
    """Return the cells of a row; found and baseline: one training for each seed."""
    assert recipe.base is not None
    scores = [one.score for one in found]
    difference = paired_difference(scores, [one.score for one in baseline])
    return [
        name,
        recipe.loss if recipe.epochs else "\u2013",
        str(recipe.base.tuned),
        mean_and_range([one.rank1 for one in found]),
        mean_and_range(scores),
        "\u2013" if found is baseline else difference,
        f"{np.mean([one.minutes for one in found]):.1f}",
    ]


def rows_of(name: str, options: argparse.Namespace, database: Database) -> list[list[str]]:
    """Train every setting of a submission with every seed. Raises DataError, TrainingError."""
    baseline: list[Measured] = []
    rows = []
    for recipe in settings_of(name, options):
        squares = read_squares(database.paths, recipe.image_size, None)
        seeds = [replace(recipe, seed=seed) for seed in range(options.seeds)]
        found = [measure(name, seeded, database, squares) for seeded in seeds]
        baseline = baseline or found
        rows.append(cells(name, recipe, found, baseline))
        say(" | ".join(rows[-1]))
    return rows


def compare(options: argparse.Namespace) -> None:
    """Print the table of all settings. Raises ScriptError."""
    if options.write:
        expect_block(f"tuning-{options.write}")
    database = read_database(options.data)
    rows = [row for name in options.of for row in rows_of(name, options, database)]
    block = "\n".join(table(TITLES, rows))
    say(block)
    if options.write:
        log_table(f"tuning-{options.write}", block)


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
        default=[],
        help="also these, with the preset's number of tuned stages",
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
