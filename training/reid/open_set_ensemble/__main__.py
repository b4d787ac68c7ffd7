"""Build the submission `open_set_ensemble`: gallery, weights of the evidence, thresholds.

    python -m training.reid.open_set_ensemble --out FOLDER
    python -m training.reid.open_set_ensemble --data DIR --out FOLDER --triplet FOLDER --swin FOLDER

The networks are those of the submission folders `--triplet` (like triplet_centroids) and `--swin`
(like megadescriptor_cosine). All image pairs of a dataset are compared once; on open-set splits of
that table the weights of the evidence are fitted (logistic regression, per dataset). Thresholds,
and which evidence counts, are chosen on splits of other seeds, by weights that were fitted without
the query's individual: the set with the best validation score, the smaller one among equals.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from training.common.console import say
from training.reid.database import print_duplicates, read_database
from training.reid.images import ServedImages
from training.reid.matching.sift import SETTINGS, sift_matcher
from training.reid.open_set_ensemble.evidence import SHORTLIST, Weights, compare
from training.reid.open_set_ensemble.networks import network_sizes, read_networks
from training.reid.open_set_ensemble.weights import choose, nearest_of
from training.reid.options import SUBMISSIONS, run_in_one_thread, submission_parser
from training.reid.publish import Build, publish
from training.reid.thresholds.choose import print_thresholds, refuse_constant_answers
from training.reid.thresholds.validation import FOLDS, validation_images
from wildlife_reid.evidence import EVIDENCE
from wildlife_reid.joint_embedding import SWIN, TRIPLET
from wildlife_reid.open_set import Gallery, gallery_bytes

GALLERY = "weights/gallery.npz"
PACKAGES = ("numpy", "torch", "timm", "Pillow", "opencv-python-headless", "safetensors")


def print_weights(weights: Mapping[str, Weights]) -> None:
    """Print one line for each dataset: what each kind of evidence weighs."""
    for name, one in weights.items():
        values = zip(EVIDENCE, one.weights.tolist(), strict=True)
        listed = ", ".join(f"{title} {value:.3g}" for title, value in values)
        say(f"{name or 'all datasets'}: {listed}")


def build(options: argparse.Namespace) -> None:
    """Build the submission's files from the database. Raises DataError, OSError."""
    database = read_database(options.data)
    print_duplicates(database)
    folders = {TRIPLET: options.triplet, SWIN: options.swin}
    images = ServedImages(database.paths, SETTINGS.image_size, *network_sizes(folders))
    networks = read_networks(folders, database, images)
    matcher = sift_matcher(images)
    tables = compare(database, matcher, networks.embeddings)
    validation = validation_images(database.identity, database.dataset)
    name, weights, thresholds = choose(tables, database, validation)
    say(f"chosen: {name}")
    print_weights(weights)
    print_thresholds(thresholds)
    shipped = nearest_of(tables, [weights] * FOLDS, database)
    refuse_constant_answers(shipped, database, validation, thresholds)
    config = {
        "networks": networks.config,
        "gallery": GALLERY,
        "local": matcher.config,
        "shortlist": SHORTLIST,
        "evidence": {dataset: one.as_json() for dataset, one in weights.items()},
        "thresholds": {dataset: one.value for dataset, one in thresholds.items()},
    }
    arrays = {
        "embeddings": networks.embeddings,
        **networks.components.arrays(),
        "orientation": database.orientation,
        **matcher.gallery.arrays(),
    }
    gallery = gallery_bytes(Gallery(database.identity, database.dataset), arrays)
    contents = {GALLERY: gallery, **networks.contents}
    build = Build("open_set_ensemble", options.out, options.data)
    publish(build, config, contents, PACKAGES, networks.origins)


def main(arguments: list[str] | None = None) -> int:
    made = submission_parser("open_set_ensemble", "Build the submission open_set_ensemble.")
    made.add_argument("--triplet", type=Path, default=SUBMISSIONS / "triplet_centroids")
    made.add_argument("--swin", type=Path, default=SUBMISSIONS / "megadescriptor_cosine")
    return run_in_one_thread(made.parse_args(arguments), build)


if __name__ == "__main__":
    raise SystemExit(main())
