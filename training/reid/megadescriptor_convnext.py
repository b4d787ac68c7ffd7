"""Train and build the submission `megadescriptor_convnext`.

    python -m training.reid.megadescriptor_convnext --out FOLDER
    python -m training.reid.megadescriptor_convnext --data DIR --out FOLDER --descriptor FOLDER
    python -m training.reid.megadescriptor_convnext --preset full --init FILE.safetensors
    python -m training.reid.megadescriptor_convnext --features FOLDER   (of `kit predict`)

The classifier is trained on all but the validation images, which are the same as for the descriptor
(training/reid/thresholds/validation.py); those choose curves, discount and thresholds. An
individual whose images are all for validation has no class: only retrieval can find it. `--init`
starts the classifier from a state dict of the same timm network (its last layer may be of other
classes). A killed run resumes from FOLDER/last.pt, which is removed at the end.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from training.common import processes
from training.common.atomic import discard
from training.common.checkpoints import Checkpoint
from training.common.console import say
from training.common.digests import short_digest
from training.common.errors import TrainingError
from training.common.script import add_recipe_options, changed
from training.reid.database import Database, print_duplicates, read_database
from training.reid.embedding.classifier import NETWORKS, RECIPES, Recipe, Trainer
from training.reid.embedding.descriptors import (
    DESCRIPTOR,
    add_descriptor_options,
    command_with_features,
    descriptor_files,
    embeddings_for,
    read_descriptor,
)
from training.reid.images import ServedImages, table_digest
from training.reid.landmarks.files import landmark_path, read_landmarks
from training.reid.matching.agreement import Systems, fit_curves, nearest_of
from training.reid.options import (
    refuse_not_positive,
    run_in_one_thread,
    submission_parser,
)
from training.reid.publish import Build, publish
from training.reid.thresholds.choose import choose_thresholds, print_thresholds
from training.reid.thresholds.nearest import Names
from training.reid.thresholds.validation import validation_images
from wildlife_image.square import normalised
from wildlife_reid.alignment import LandmarkNetwork, animal_square
from wildlife_reid.identity_classifier import logits
from wildlife_reid.open_set import Gallery, gallery_bytes

GALLERY = "weights/gallery.npz"
CLASSIFIER = "weights/classifier.safetensors"
CHECKPOINT = "last.pt"
CHANGEABLE = ("epochs", "batch", "learning_rate")  # fields of the recipe with an option
PACKAGES = ("numpy", "scipy", "torch", "timm", "Pillow", "safetensors")
Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


def train_classifier(
    pixels: Tensor, identity: Names, options: argparse.Namespace, digest: str
) -> tuple[nn.Module, Names]:
    """The trained network and the individuals of its outputs. Raises TrainingError."""
    classes, labels = np.unique(identity, return_inverse=True)
    settings, recipe = NETWORKS[options.preset], changed(RECIPES[options.preset], options)
    start_digest = short_digest(options.init) if options.init else ""
    made_with = {"network": settings, **asdict(recipe), "images": digest, "start": start_digest}
    checkpoint = Checkpoint(options.out / CHECKPOINT, made_with)
    trainer = Trainer(checkpoint, settings, recipe, len(classes))
    if options.init:
        start(trainer.network, options.init)
    say(f"classifier: {len(labels)} images of {len(classes)} individuals")
    return trainer.train(pixels, labels), classes


def start(network: nn.Module, path: Path) -> None:
    """Load the tensors of a state dict that fit; only the last layer may differ.

    Raises TrainingError where another layer differs.
    """
    try:
        own, given = network.state_dict(), load_file(path)
    except SafetensorError as error:
        raise TrainingError(f"{path}: expected a safetensors file: {error}") from error
    wrong = [n for n in own if n not in given or given[n].shape != own[n].shape]
    if any(not name.startswith("head.fc.") for name in wrong):
        raise TrainingError(
            f"{path}: expected a state dict of this network, {wrong[:5]} do not fit"
        )
    network.load_state_dict({n: t for n, t in given.items() if n not in wrong}, strict=False)


def classify(
    images: ServedImages,
    database: Database,
    validation: Mask,
    landmarks: LandmarkNetwork | None,
    options: argparse.Namespace,
) -> tuple[nn.Module, Names, Array]:
    """Train the classifier on all but the validation images: network, classes (c,), logits (n, c).

    Raises TrainingError.
    """
    settings = NETWORKS[options.preset]
    size = int(settings["image_size"])
    squares = np.stack([animal_square(image, size, landmarks) for image in images])
    pixels = torch.from_numpy(squares).permute(0, 3, 1, 2).contiguous()
    trained = ~validation
    digest = f"{short_digest(squares.tobytes())} {table_digest(options.data)}"
    network, classes = train_classifier(
        pixels[torch.from_numpy(trained)], database.identity[trained], options, digest
    )
    rows = np.stack([logits(network, normalised(one, settings)) for one in pixels])
    return network, classes, rows


def build(options: argparse.Namespace) -> None:
    """Build the submission's files from the database. Raises DataError, TrainingError, OSError."""
    database = read_database(options.data)
    descriptor = read_descriptor(options.descriptor)
    copied, origins = descriptor_files(descriptor, options.descriptor)
    landmarks = read_landmarks(landmark_path(options.descriptor, descriptor["network"]))
    print_duplicates(database)
    sizes = descriptor["network"]["image_size"], NETWORKS[options.preset]["image_size"]
    images = ServedImages(database.paths, *map(int, sizes))
    embeddings = embeddings_for(options, descriptor, database, images)
    validation = validation_images(database.identity, database.dataset)
    network, classes, rows = classify(images, database, validation, landmarks, options)
    processes.end_others()
    systems = Systems(database, embeddings.astype(np.float64), rows, classes)
    curves, discount = fit_curves(systems, validation)
    nearest = nearest_of(systems, curves, discount)
    thresholds = choose_thresholds(nearest, database.identity, database.dataset, validation)
    print_thresholds(thresholds)
    config = {
        "network": descriptor["network"],
        "weights": DESCRIPTOR,
        "classifier": NETWORKS[options.preset],
        "classifier_weights": CLASSIFIER,
        "gallery": GALLERY,
        "calibrations": {name: one.as_json() for name, one in curves.items()},
        "discount": round(discount, 6),
        "thresholds": {name: one.value for name, one in thresholds.items()},
    }
    arrays = {"embeddings": embeddings, "classes": classes}
    gallery = gallery_bytes(Gallery(database.identity, database.dataset), arrays)
    halves = {name: t.half().contiguous() for name, t in network.state_dict().items()}
    contents = {GALLERY: gallery, **copied, CLASSIFIER: save(halves)}
    command = command_with_features("megadescriptor_convnext", options)
    build = Build("megadescriptor_convnext", options.out, options.data, command)
    publish(build, config, contents, PACKAGES, origins)
    discard(options.out / CHECKPOINT)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    made = submission_parser(
        "megadescriptor_convnext", "Train the submission megadescriptor_convnext."
    )
    add_descriptor_options(made)
    made.add_argument("--preset", choices=sorted(NETWORKS), default="small")
    made.add_argument("--init", type=Path, help="state dict of the same network (safetensors)")
    add_recipe_options(made, Recipe, CHANGEABLE)
    options = made.parse_args(arguments)
    refuse_not_positive(made, options, CHANGEABLE)
    return options


def main(arguments: list[str] | None = None) -> int:
    return run_in_one_thread(parse(arguments), build)


if __name__ == "__main__":
    raise SystemExit(main())
