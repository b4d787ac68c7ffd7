"""Make the submission `megadescriptor_cosine`.

    python -m training.reid.megadescriptor_cosine
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
import hashlib
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.common.errors import DataError
from training.reid.database import Database, print_duplicates, read_database
from training.reid.embedding.batches import read_squares, with_more
from training.reid.embedding.network_files import (
    GALLERY,
    NETWORK,
    REQUIRES,
    network_bytes,
    threshold_config,
)
from training.reid.embedding.recipe import NORMALISATIONS, Recipe, train_embedding
from training.reid.embedding.swin import PRESETS, build, embed_squares
from training.reid.embedding.trainer import TrainingError
from training.reid.landmarks.files import (
    LANDMARKS,
    WHOLE,
    Pose,
    add_pose_options,
    check_pose_options,
    landmark_files,
    read_landmarks,
)
from training.reid.publish import made_by, publish
from training.reid.thresholds.choose import choose_thresholds, print_thresholds
from training.reid.thresholds.nearest import nearest_by_cosine
from training.reid.thresholds.validation import validation_rows, without_twins
from wildlife_reid.alignment import LandmarkNetwork
from wildlife_reid.open_set import Gallery, gallery_bytes

ROOT = Path(__file__).resolve().parents[2]


def make(data: Path, out: Path, recipe: Recipe, command: str, pose: Pose = WHOLE) -> None:
    """Train the network, if the recipe says so, and write the submission.

    command: for the manifest. Raises DataError and TrainingError.
    """
    database, landmarks = read_database(data), read_landmarks(pose.landmarks)
    print_duplicates(database, "not used to choose thresholds")
    network, settings = build(recipe)
    settings |= {} if landmarks is None else {"landmarks": LANDMARKS}
    squares = read_squares(database.paths, settings["side"], landmarks)
    checkpoint = out / "last.pt"
    if recipe.epochs:
        validation = validation_rows(database)
        fit(recipe, network, squares, database, validation, pose, landmarks, checkpoint)
    else:  # Nothing is trained, so any image may choose the thresholds.
        validation = without_twins(database, np.ones(len(database), dtype=np.bool_))
    embeddings = embed_squares(network, squares, settings)
    nearest = nearest_by_cosine(embeddings.astype(np.float64), database.identity)
    thresholds = choose_thresholds(nearest, database.identity, database.dataset, validation)
    print_thresholds(thresholds)
    config = {
        "weights": NETWORK,
        "gallery": GALLERY,
        "network": settings,
        **threshold_config(thresholds),
    }
    gallery = Gallery(database.identity, database.dataset)
    files = {
        NETWORK: network_bytes(network),
        GALLERY: gallery_bytes(gallery, {"embeddings": embeddings}),
    }
    source = made_by(command, data)
    origins = {name: {"licence": recipe.licence, "source": source} for name in files}
    files |= landmark_files(pose.landmarks)
    publish(out, config, files, source, REQUIRES, origins)
    checkpoint.unlink(missing_ok=True)


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
    print(f"{len(database)} images, {len(rows)} to train on, the others for thresholds")
    images, identity = with_more(squares[rows], database.identity[rows], pose.more, landmarks)
    digest = hashlib.sha256(images.numpy().tobytes()).hexdigest()[:16]
    train_embedding(recipe, network, images, identity, checkpoint, digest)


def chosen_recipe(options: argparse.Namespace) -> Recipe:
    """The preset, with what the command line changes."""
    changes = {
        "backbone": options.backbone,
        "normalisation": options.mean_std,
        "epochs": options.epochs,
        "steps": options.steps,
    }
    given = {name: item for name, item in changes.items() if item is not None}
    return replace(PRESETS[options.preset], **given)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Make the submission megadescriptor_cosine.")
    parser.add_argument("--data", type=Path, default=ROOT / "sample_data" / "reid" / "train")
    parser.add_argument("--out", type=Path, default=ROOT / "submissions" / "megadescriptor_cosine")
    parser.add_argument("--preset", choices=tuple(PRESETS), default="small")
    parser.add_argument("--backbone", help="instead of the preset's; any name that timm takes")
    parser.add_argument("--mean-std", choices=tuple(NORMALISATIONS), help="of the input")
    parser.add_argument("--epochs", type=int, help="0: the weights as they are")
    parser.add_argument("--steps", type=int, help="batches in an epoch")
    add_pose_options(parser)
    options = parser.parse_args(arguments)
    check_pose_options(parser, options)
    pose = Pose(options.landmarks, options.more)
    started = time.perf_counter()
    torch.use_deterministic_algorithms(True, warn_only=True)
    command = f"python -m training.reid.megadescriptor_cosine --preset {options.preset}"
    try:
        make(options.data, options.out, chosen_recipe(options), command + pose.as_given(), pose)
    except (DataError, TrainingError, OSError) as error:
        print(f"megadescriptor_cosine: {error}", file=sys.stderr)
        return 1
    print(f"{time.perf_counter() - started:.0f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
