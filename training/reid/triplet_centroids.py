"""Train the submission `triplet_centroids`.

    python -m training.reid.triplet_centroids --out FOLDER
    python -m training.reid.triplet_centroids --data DIR --out SUBMISSION_FOLDER --preset base
    python -m training.reid.triplet_centroids --search --out FOLDER [--jobs 2]

DIR holds metadata.csv and images (training/reid/database.py says which columns). A quarter of the
individuals and of the others' images is for validation: not trained on, it chooses the thresholds
(training/reid/thresholds/choose.py); all images are in the gallery. Writes the network, the
centroids, config.json and, last, weights.json. A killed run resumes from FOLDER/last.pt, which is
removed at the end. `--landmarks` names a file of training/reid/landmarks/train.py: animals are
brought into one pose with it, as the presets aligned-base and aligned-extended expect. `--more`
names a folder of other individuals to train on as well. `--backbone` takes what timm knows,
`hf-hub:` and `local-dir:` included.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from training.common import processes
from training.common.atomic import discard
from training.common.console import say
from training.common.digests import short_digest
from training.common.script import changed, run
from training.reid.database import Database, print_duplicates, read_database
from training.reid.embedding.base import settle
from training.reid.embedding.batches import with_more
from training.reid.embedding.network_files import Trained, network_bytes, publish_network
from training.reid.embedding.recipe import Recipe, train_embedding
from training.reid.embedding.triplet import PRESETS, SMALL, build, embed_squares
from training.reid.images import read_squares
from training.reid.landmarks.files import WHOLE, Pose, parse_with_pose, read_landmarks
from training.reid.options import submission_parser
from training.reid.thresholds.choose import choose_thresholds, print_thresholds
from training.reid.thresholds.nearest import nearest_centroid
from training.reid.thresholds.validation import validation_rows
from wildlife_reid.open_set import Gallery


def centroids(
    embeddings: NDArray[np.floating], database: Database
) -> tuple[Gallery, NDArray[np.float32]]:
    """The mean embedding of each individual (i, d), in the order of their names."""
    names, first, code = np.unique(database.identity, return_index=True, return_inverse=True)
    sums = np.zeros((len(names), embeddings.shape[1]))
    np.add.at(sums, code, embeddings)
    means = (sums / np.bincount(code)[:, None]).astype(np.float32)
    return Gallery(names, database.dataset[first]), means


def train(data: Path, out: Path, recipe: Recipe, command: str, pose: Pose = WHOLE) -> None:
    """Train the network and write the submission; command: for the manifest.

    Raises DataError and TrainingError.
    """
    database, landmarks = read_database(data), read_landmarks(pose.landmarks)
    print_duplicates(database, "not used to choose thresholds")
    validation = validation_rows(database)
    fit = np.flatnonzero(~validation)
    say(f"{len(database)} images, {len(fit)} to train on, {int(validation.sum())} for thresholds")
    squares = read_squares(database.paths, recipe.image_size, landmarks)
    images, identity = with_more(squares[fit], database.identity[fit], pose.more, landmarks)
    digest = short_digest(images.numpy().tobytes())
    checkpoint = out / "last.pt"
    network, settings = build(recipe)
    train_embedding(recipe, network, images, identity, checkpoint, digest)
    processes.end_others()
    settle(network, images, settings)
    weights = network_bytes(network, settings)
    embeddings = embed_squares(network, squares, settings)
    nearest = nearest_centroid(embeddings, database.identity)
    thresholds = choose_thresholds(nearest, database.identity, database.dataset, validation)
    print_thresholds(thresholds)
    gallery, means = centroids(embeddings, database)
    arrays = {"centroids": means}
    made = Trained(weights, settings, thresholds, gallery, arrays, pose.landmarks)
    publish_network("triplet_centroids", out, made, command, data)
    discard(checkpoint)


def chosen_recipe(options: argparse.Namespace) -> Recipe:
    """The preset, with what the command line changes."""
    return changed(PRESETS[SMALL if options.preset == "small" else options.preset], options)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    made = submission_parser("triplet_centroids", "Train the submission triplet_centroids.")
    made.add_argument("--preset", choices=("small", *PRESETS), default="small")
    made.add_argument("--backbone", help="instead of the preset's; any name that timm takes")
    made.add_argument("--image-size", type=int, help="pixels")
    made.add_argument("--epochs", type=int)
    made.add_argument("--steps", type=int, help="batches in an epoch")
    made.add_argument("--classes-per-batch", type=int, help="individuals in a batch, M")
    made.add_argument("--samples-per-class", type=int, help="images of each, K")
    made.add_argument("--margin", type=float)
    made.add_argument("--learning-rate", type=float)
    made.add_argument("--search", action="store_true", help="compare batch, margin, learning rate")
    made.add_argument("--jobs", type=int, default=2, help="processes of a search")
    made.add_argument("--trials", type=int, help="end a search after as many new trials")
    made.add_argument("--seed", type=int, help="of all that is drawn; 0 without it")
    return parse_with_pose(made, arguments)


def work(options: argparse.Namespace) -> None:
    """Train, or search, as the options say."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    recipe, pose = chosen_recipe(options), Pose(options.landmarks, options.more)
    if options.search:
        # Plots and the search's database are needed for nothing else.
        from training.reid.embedding.search import search

        out = options.out / "search"
        search(options.data, out, recipe, options.jobs, options.trials, pose)
    else:
        command = f"python -m training.reid.triplet_centroids --preset {options.preset}"
        train(options.data, options.out, recipe, command + pose.as_given(), pose)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    return run(options, lambda: work(options))


if __name__ == "__main__":
    raise SystemExit(main())
