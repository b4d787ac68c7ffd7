"""Make the submission `megadescriptor_cosine`.

    python -m training.reid.megadescriptor_cosine
    python -m training.reid.megadescriptor_cosine --data DIR --out SUBMISSION_FOLDER --preset full
    python -m training.reid.megadescriptor_cosine --preset full --backbone local-dir:DIR --mean-std half

DIR holds metadata.csv and pictures (training/reid/database.py says which columns). `--preset full`
takes published weights as they are (CC-BY-NC-4.0: not for commercial use); the small one trains a
small Swin by ArcFace, on all but the pictures that choose the thresholds (threshold_holdout.py).
`--landmarks` names what training/reid/landmarks/train.py wrote: animals are brought into one pose by it,
as the preset aligned expects; `--more` names a folder of other individuals to train on as well.
The gallery is the embedding of every picture. Writes the network, the gallery, config.json and,
last, weights.json. A killed run goes on where it was: FOLDER/last.pt, removed at the end.
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

from training.common.errors import DataError
from training.common.submission_files import write_submission
from training.reid.database import duplicate_notes, read_database, same_content
from training.reid.embedding.files import (
    GALLERY,
    NETWORK,
    REQUIRES,
    network_bytes,
    threshold_config,
)
from training.reid.embedding.images import read_squares, with_more
from training.reid.embedding.recipe import kept_back
from training.reid.embedding.swin_recipe import (
    NORMALISATIONS,
    PRESETS,
    Recipe,
    build,
    descriptors,
    trained_network,
)
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
from training.reid.thresholds.calibrate import calibrate, nearest_by_cosine
from wildlife_reid.open_set import Gallery, gallery_bytes

ROOT = Path(__file__).resolve().parents[2]


def make(data: Path, out: Path, recipe: Recipe, source: str, pose: Pose = WHOLE) -> None:
    """Raises DataError and TrainingError."""
    database, landmarks = read_database(data), read_landmarks(pose.landmarks)
    for note in duplicate_notes(database):
        print(f"note: {note}; not used to choose thresholds")
    network, settings = build(recipe)
    settings |= {} if landmarks is None else {"landmarks": LANDMARKS}
    squares = read_squares(database.paths, settings["image_size"], landmarks)
    checkpoint = out / "last.pt"
    unseen = np.ones(len(database), dtype=np.bool_)
    unseen[[row for rows in same_content(database.paths) for row in rows]] = False
    if recipe.epochs:
        unseen = kept_back(database)
        fit = np.flatnonzero(~unseen)
        print(f"{len(database)} pictures, {len(fit)} to train on, the others for thresholds")
        known = database.identity[fit]
        pictures, identity = with_more(squares[fit], known, pose.more, landmarks)
        digest = hashlib.sha256(pictures.numpy().tobytes()).hexdigest()[:16]
        trained_network(recipe, network, pictures, identity, checkpoint, digest, say)
    found = descriptors(network, squares, settings)
    nearest = nearest_by_cosine(found.astype(np.float64), database.identity)
    thresholds = calibrate(nearest, database.identity, database.dataset, unseen)
    for name, item in thresholds.items():
        print(f"{name}: threshold {item.value:.3f} +- {item.spread:.3f}, kept-back pictures: "
              f"score {item.score:.3f}, rank-1 {item.rank1:.3f}")  # fmt: skip
    config = {
        "weights": NETWORK,
        "gallery": GALLERY,
        "network": settings,
        **threshold_config(thresholds),
    }
    gallery = Gallery(database.identity, database.dataset)
    files = {
        NETWORK: network_bytes(network),
        GALLERY: gallery_bytes(gallery, {"embeddings": found}),
    }
    digest = hashlib.sha256((data / "metadata.csv").read_bytes()).hexdigest()[:16]
    source = f"{source} (metadata.csv sha256 {digest})"
    origins = {name: {"licence": recipe.licence, "source": source} for name in files}
    files |= landmark_files(pose.landmarks)
    size = write_submission(out, config, files, source, REQUIRES, origins)
    checkpoint.unlink(missing_ok=True)
    print(f"{out}: {size} bytes of weights")


def say(epoch: int, loss: float) -> None:
    print(f"epoch {epoch}: loss {loss:.4f}", flush=True)


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
    wanted = {
        "backbone": options.backbone,
        "normalisation": options.mean_std,
        "epochs": options.epochs,
        "steps": options.steps,
    }
    changes = {name: item for name, item in wanted.items() if item is not None}
    recipe = replace(PRESETS[options.preset], **changes)
    pose = Pose(options.landmarks, options.more)
    started = time.perf_counter()
    torch.use_deterministic_algorithms(True, warn_only=True)
    source = f"python -m training.reid.megadescriptor_cosine --preset {options.preset}"
    try:
        make(options.data, options.out, recipe, source + pose.as_given(), pose)
    except (DataError, TrainingError, OSError) as error:
        print(f"megadescriptor_cosine: {error}", file=sys.stderr)
        return 1
    print(f"{time.perf_counter() - started:.0f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
