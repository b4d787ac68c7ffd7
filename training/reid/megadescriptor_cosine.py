"""Make the submission `megadescriptor_cosine`.

    python -m training.reid.megadescriptor_cosine --out FOLDER
    python -m training.reid.megadescriptor_cosine --data DIR --out SUBMISSION_FOLDER --preset full
    python -m training.reid.megadescriptor_cosine --preset full --mean-std half \\
        --backbone local-dir:DIR

DIR holds metadata.csv and images (training/reid/database.py says which columns). `--preset full`
takes published weights as they are (CC-BY-NC-4.0: not for commercial use). The small preset trains
a small Swin with the supervised contrastive loss, on all but the validation images, which choose
the thresholds (training/reid/thresholds/validation.py). `--landmarks` names a file of
training/reid/landmarks/train.py: animals are brought into one pose with it, as the preset aligned
expects; `--more` names a folder of other individuals to train on as well. The gallery is the
embedding of every image. Writes the network, the gallery, config.json and, last, weights.json. A
killed run resumes from FOLDER/last.pt, which is removed at the end.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.common import processes
from training.common.atomic import discard
from training.common.backbones import NORMALISATIONS
from training.common.console import say
from training.common.digests import short_digest
from training.common.script import changed, run
from training.reid.database import Database, print_duplicates, read_database
from training.reid.embedding.base import settle
from training.reid.embedding.batches import with_more
from training.reid.embedding.network_files import Trained, network_bytes, publish_network
from training.reid.embedding.recipe import Recipe, train_embedding
from training.reid.embedding.swin import PRESETS, build, embed_squares
from training.reid.images import read_squares
from training.reid.landmarks.files import WHOLE, Pose, parse_with_pose, read_landmarks
from training.reid.options import submission_parser
from training.reid.thresholds.choose import choose_thresholds, print_thresholds
from training.reid.thresholds.nearest import nearest_by_cosine
from training.reid.thresholds.validation import validation_rows, without_twins
from wildlife_reid.alignment import LandmarkNetwork
from wildlife_reid.open_set import Gallery


def make(data: Path, out: Path, recipe: Recipe, command: str, pose: Pose = WHOLE) -> None:
    """Train the network, if the recipe says so, and write the submission.

    command: for the manifest. Raises DataError and TrainingError.
    """
    database, landmarks = read_database(data), read_landmarks(pose.landmarks)
    print_duplicates(database, "not used to choose thresholds")
    network, settings = build(recipe)
    squares = read_squares(database.paths, settings["image_size"], landmarks)
    checkpoint = out / "last.pt"
    if recipe.epochs:
        validation = validation_rows(database)
        fit(recipe, network, squares, database, validation, pose, landmarks, checkpoint)
        settle(network, squares[torch.from_numpy(~validation)], settings)
    else:  # Nothing is trained, so any image may choose the thresholds.
        validation = without_twins(database, np.ones(len(database), dtype=np.bool_))
        settle(network, squares, settings)
    processes.end_others()
    weights = network_bytes(network, settings)
    embeddings = embed_squares(network, squares, settings)
    nearest = nearest_by_cosine(embeddings.astype(np.float64), database.identity)
    thresholds = choose_thresholds(nearest, database.identity, database.dataset, validation)
    print_thresholds(thresholds)
    arrays = {"embeddings": embeddings}
    gallery, licence = Gallery(database.identity, database.dataset), recipe.licence
    made = Trained(weights, settings, thresholds, gallery, arrays, pose.landmarks, licence)
    publish_network("megadescriptor_cosine", out, made, command, data)
    discard(checkpoint)


def fit(
    recipe: Recipe,
    network: nn.Module,
    squares: Tensor,
    database: Database,
    validation: NDArray[np.bool_],
    pose: Pose,
    landmarks: LandmarkNetwork | None,
    checkpoint: Path,
) -> None:
    """Train the network on the database's squares (n, 3, s, s) that are not for validation."""
    rows = np.flatnonzero(~validation)
    say(f"{len(database)} images, {len(rows)} to train on, the others for thresholds")
    images, identity = with_more(squares[rows], database.identity[rows], pose.more, landmarks)
    digest = short_digest(images.numpy().tobytes())
    train_embedding(recipe, network, images, identity, checkpoint, digest)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    made = submission_parser("megadescriptor_cosine", "Make the submission megadescriptor_cosine.")
    made.add_argument("--preset", choices=tuple(PRESETS), default="small")
    made.add_argument("--backbone", help="instead of the preset's; any name that timm takes")
    made.add_argument(
        "--mean-std", choices=tuple(NORMALISATIONS), dest="normalisation", help="of the input"
    )
    made.add_argument("--epochs", type=int, help="0: the weights as they are")
    made.add_argument("--steps", type=int, help="batches in an epoch")
    made.add_argument("--seed", type=int, help="of all that is drawn; 0 without it")
    return parse_with_pose(made, arguments)


def work(options: argparse.Namespace) -> None:
    """Make the submission as the options say."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    pose = Pose(options.landmarks, options.more)
    command = f"python -m training.reid.megadescriptor_cosine --preset {options.preset}"
    recipe = changed(PRESETS[options.preset], options)
    make(options.data, options.out, recipe, command + pose.as_given(), pose)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    return run(options, lambda: work(options))


if __name__ == "__main__":
    raise SystemExit(main())
