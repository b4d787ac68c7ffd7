"""Train the submission `triplet_centroids`.

    python -m training.reid.triplet_centroids
    python -m training.reid.triplet_centroids --data DIR --out SUBMISSION_FOLDER --preset base
    python -m training.reid.triplet_centroids --search --out FOLDER [--jobs 2]

DIR holds metadata.csv and pictures (training/reid/database.py says which columns). A quarter of the
individuals and of the others' pictures is kept back from training and chooses the thresholds
(training/reid/thresholds/calibrate.py); all pictures are in the gallery. Writes the network, the
centroids, config.json and, last, weights.json. A killed run goes on where it was: FOLDER/last.pt,
removed at the end. `--landmarks` names what training/reid/landmarks/train.py wrote: animals are
brought into one pose by it, as the presets aligned-base and aligned-extended expect. `--more` names
a folder of other individuals to train on as well. `--backbone` takes what timm knows, `hf-hub:` and
`local-dir:` included.
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

from training.common.errors import DataError
from training.common.submission_files import write_submission
from training.reid.database import Database, duplicate_notes, read_database
from training.reid.embedding.files import (
    GALLERY,
    NETWORK,
    REQUIRES,
    network_bytes,
    threshold_config,
)
from training.reid.embedding.images import read_squares, with_more
from training.reid.embedding.recipe import (
    PRESETS,
    SMALL,
    Recipe,
    embeddings,
    kept_back,
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
from training.reid.thresholds.calibrate import calibrate, nearest_centroid
from wildlife_reid.open_set import Gallery, gallery_bytes

ROOT = Path(__file__).resolve().parents[2]


def centroids(
    found: NDArray[np.float32], database: Database
) -> tuple[Gallery, NDArray[np.float32]]:
    """The mean embedding of each individual, in the order of their names."""
    names, first, code = np.unique(database.identity, return_index=True, return_inverse=True)
    sums = np.zeros((len(names), found.shape[1]))
    np.add.at(sums, code, found)
    means = (sums / np.bincount(code)[:, None]).astype(np.float32)
    return Gallery(names, database.dataset[first]), means


def train(data: Path, out: Path, recipe: Recipe, source: str, pose: Pose = WHOLE) -> None:
    """Raises DataError and TrainingError."""
    database, landmarks = read_database(data), read_landmarks(pose.landmarks)
    for note in duplicate_notes(database):
        print(f"note: {note}; not used to choose thresholds")
    unseen = kept_back(database)
    fit = np.flatnonzero(~unseen)
    print(f"{len(database)} pictures, {len(fit)} to train on, {int(unseen.sum())} for thresholds")
    squares = read_squares(database.paths, recipe.side, landmarks)
    pictures, identity = with_more(squares[fit], database.identity[fit], pose.more, landmarks)
    digest = hashlib.sha256(pictures.numpy().tobytes()).hexdigest()[:16]
    checkpoint = out / "last.pt"
    network, settings = trained_network(recipe, pictures, identity, checkpoint, digest, say)
    settings |= {} if landmarks is None else {"landmarks": LANDMARKS}
    found = embeddings(network, squares, settings)
    nearest = nearest_centroid(found, database.identity)
    thresholds = calibrate(nearest, database.identity, database.dataset, unseen)
    for name, item in thresholds.items():
        print(f"{name}: threshold {item.value:.3f} +- {item.spread:.3f}, kept-back pictures: "
              f"score {item.score:.3f}, rank-1 {item.rank1:.3f}")  # fmt: skip
    gallery, means = centroids(found, database)
    config = {
        "weights": NETWORK,
        "gallery": GALLERY,
        "network": settings,
        **threshold_config(thresholds),
    }
    files = {
        NETWORK: network_bytes(network),
        GALLERY: gallery_bytes(gallery, {"centroids": means}),
        **landmark_files(pose.landmarks),
    }
    digest = hashlib.sha256((data / "metadata.csv").read_bytes()).hexdigest()[:16]
    source = f"{source} (metadata.csv sha256 {digest})"
    size = write_submission(out, config, files, source, REQUIRES)
    checkpoint.unlink(missing_ok=True)
    print(f"{out}: {size} bytes of weights")


def say(epoch: int, loss: float) -> None:
    print(f"epoch {epoch}: loss {loss:.4f}", flush=True)


def chosen_recipe(options: argparse.Namespace) -> Recipe:
    """The preset, with what the command line changes."""
    recipe = PRESETS[SMALL if options.preset == "small" else options.preset]
    names = ("backbone", "side", "epochs", "steps", "classes", "views", "margin", "rate")
    changes = {name: getattr(options, name) for name in names}
    return replace(recipe, **{name: item for name, item in changes.items() if item is not None})


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description="Train the submission triplet_centroids.")
    made.add_argument("--data", type=Path, default=ROOT / "sample_data" / "reid" / "train")
    made.add_argument("--out", type=Path, default=ROOT / "submissions" / "triplet_centroids")
    made.add_argument("--preset", choices=("small", *PRESETS), default="small")
    made.add_argument("--backbone", help="instead of the preset's; any name that timm takes")
    made.add_argument("--side", type=int, help="pixels")
    made.add_argument("--epochs", type=int)
    made.add_argument("--steps", type=int, help="batches in an epoch")
    made.add_argument("--classes", type=int, help="individuals in a batch, M")
    made.add_argument("--views", type=int, help="pictures of each, K")
    made.add_argument("--margin", type=float)
    made.add_argument("--rate", type=float)
    add_pose_options(made)
    made.add_argument("--search", action="store_true", help="compare M x K, margin and rate")
    made.add_argument("--jobs", type=int, default=2, help="processes of a search")
    made.add_argument("--trials", type=int, help="end a search after as many new trials")
    return made


def main(arguments: list[str] | None = None) -> int:
    made = parser()
    options = made.parse_args(arguments)
    check_pose_options(made, options)
    started = time.perf_counter()
    recipe, pose = chosen_recipe(options), Pose(options.landmarks, options.more)
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        if options.search:
            from training.reid.embedding.search import search

            out = options.out / "search"
            search(options.data, out, recipe, options.jobs, options.trials, pose)
        else:
            source = f"python -m training.reid.triplet_centroids --preset {options.preset}"
            train(options.data, options.out, recipe, source + pose.as_given(), pose)
    except (DataError, TrainingError, OSError) as error:
        print(f"triplet_centroids: {error}", file=sys.stderr)
        return 1
    print(f"{time.perf_counter() - started:.0f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
