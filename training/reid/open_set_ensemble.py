"""Build the submission `open_set_ensemble`: gallery, weights of the evidence, thresholds.

    python -m training.reid.open_set_ensemble
    python -m training.reid.open_set_ensemble --data DIR --out FOLDER --triplet FOLDER --swin FOLDER

The networks are those of the submission folders `--triplet` (like triplet_centroids) and `--swin`
(like megadescriptor_cosine). All pairs of pictures of a dataset are compared once; on open-set
splits of that table the weights of the evidence are fitted (logistic regression, per dataset).
Thresholds, and which evidence is used, are chosen on splits of other seeds, by weights that were
fitted without the query's individual: the set with the best validation score, the smaller one among
equals.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from training.common.errors import DataError
from training.common.submission_files import write_submission
from training.reid.database import Database, duplicate_notes, read_database
from training.reid.embedding.joint import SWIN, TRIPLET, read_networks
from training.reid.evidence import (
    EVIDENCE,
    FEWEST_HITS,
    FIT_SEEDS,
    Examples,
    Tables,
    Weights,
    examples,
    fit_weights,
    nearest_of,
    side_differs,
)
from training.reid.matching.features import (
    packed,
    pairs_key,
    picture_digest,
    read_pictures,
    sift_features,
    table_digest,
)
from training.reid.matching.pairs import all_pairs
from training.reid.thresholds.calibrate import Threshold, calibrate
from training.reid.thresholds.holdout import FOLDS, TOO_FEW, unseen_pictures
from wildlife_reid.evidence import key_point_maxima
from wildlife_reid.local.features import LocalFeatures, LocalSettings
from wildlife_reid.local.gallery import LocalGallery
from wildlife_reid.local.matching import MatchSettings
from wildlife_reid.open_set import Gallery, gallery_bytes

ROOT = Path(__file__).resolve().parents[2]


POOLED = ""
GALLERY = "weights/gallery.npz"
Mask = NDArray[np.bool_]
AllWeights = dict[str, Weights]
SHORTLIST = 60
# What may speak for an individual, from little to all; chosen by validation.
SETS: Mapping[str, Sequence[str]] = {
    "networks": ("cosine", "cosine_lead", "pictures"),
    "verified": ("verified", "pictures"),
    "verified and lead": ("verified", "lead", "pictures"),
    "neighbours": ("neighbours", "pictures"),
    "all local": ("verified", "lead", "neighbours", "pictures"),
    "local and side": ("verified", "lead", "neighbours", "other_viewpoint", "pictures"),
    "verified and networks": ("verified", "lead", "cosine", "cosine_lead", "pictures"),
    "verified, networks and side": (
        "verified", "lead", "cosine", "cosine_lead", "other_viewpoint", "pictures",
    ),
    "all": EVIDENCE,
}  # fmt: skip
REQUIRES = {
    "numpy": ">=1.26", "torch": ">=2.4", "timm": ">=1.0.9", "Pillow": ">=10.3",
    "opencv-python-headless": ">=4.9", "safetensors": ">=0.4",
}  # fmt: skip


def compare(
    database: Database,
    features: list[LocalFeatures],
    gallery: LocalGallery,
    embedding: NDArray[np.floating],
    key: str,
) -> dict[str, Tables]:
    """The tables of each dataset; the scores of pairs are shared with training/reid/wildfusion.py."""
    match = MatchSettings()
    matrix, _ = all_pairs(
        lambda row, rows: gallery.scores(features[row], rows, match), database.dataset, 0.0, key
    )
    wide, found = embedding.astype(np.float64), {}
    for name in np.unique(database.dataset).tolist():
        rows = np.flatnonzero(database.dataset == name)
        maxima = [key_point_maxima(features[row], gallery, rows) for row in rows]
        other = side_differs(database.orientation[rows])
        cosine = wide[rows] @ wide[rows].T
        found[name] = Tables(rows, matrix[np.ix_(rows, rows)], cosine, maxima, other)
    return found


def fit(made: Mapping[str, Examples], used: Sequence[str]) -> AllWeights:
    """Weights of each dataset and POOLED, from the examples of each. Raises DataError."""
    tables = np.concatenate([one.table for one in made.values()])
    right = np.concatenate([one.right for one in made.values()])
    if not right.any():
        raise DataError(TOO_FEW)
    weights = {POOLED: fit_weights(tables, right, used)}
    for name, one in made.items():
        enough = one.right.sum() >= FEWEST_HITS
        weights[name] = fit_weights(one.table, one.right, used) if enough else weights[POOLED]
    return weights


def choose(
    tables: dict[str, Tables], database: Database, unseen: Mask
) -> tuple[str, AllWeights, dict[str, Threshold]]:
    """The best of SETS on validation splits, with its weights and thresholds.

    There a query is scored by weights that were fitted without its individual; the weights that are
    returned are fitted on all.
    """
    made = {
        name: examples(table, database.identity, unseen, SHORTLIST, FIT_SEEDS)
        for name, table in tables.items()
    }
    parts = [{name: one.without(k) for name, one in made.items()} for k in range(FOLDS)]
    tried = []
    for name, used in SETS.items():
        weights = [fit(part, used) for part in parts]
        nearest = nearest_of(tables, weights, database.dataset, database.identity, SHORTLIST)
        found = calibrate(nearest, database.identity, database.dataset, unseen)
        score = float(np.mean([one.score for one in found.values()]))
        ranks = float(np.mean([one.rank1 for one in found.values()]))
        print(f"{name}: validation score {score:.3f}, rank-1 of known {ranks:.3f}", flush=True)
        tried.append((score, name, found))
    _, name, thresholds = max(tried, key=lambda one: one[0])  # the smaller set among equals
    return name, fit(made, SETS[name]), thresholds


def report(name: str, weights: Mapping[str, Weights], found: Mapping[str, Threshold]) -> None:
    print(f"chosen: {name}")
    for dataset, one in found.items():
        listed = zip(EVIDENCE, weights[dataset].weights.tolist(), strict=True)
        print(
            f"{dataset}: threshold {one.value:.4f}, validation score {one.score:.3f} (spread "
            f"{one.score_spread:.3f}, ceiling {one.ceiling:.3f}), rank-1 {one.rank1:.3f}; "
            + ", ".join(f"{title} {value:.3g}" for title, value in listed)
        )


def build(options: argparse.Namespace) -> None:
    """The whole way from the database to the submission's files. Raises DataError, OSError."""
    database = read_database(options.data)
    for note in duplicate_notes(database):
        print(f"NOTE: {note}")
    pictures, settings = read_pictures(database.paths), LocalSettings()
    folders = {TRIPLET: options.triplet, SWIN: options.swin}
    networks = read_networks(folders, database, pictures)
    features = sift_features(database.paths, pictures, settings)
    gallery = packed(features)
    local = {"kind": "sift", "features": asdict(settings), "match": asdict(MatchSettings())}
    key = pairs_key(local, picture_digest(database))
    tables = compare(database, features, gallery, networks.embedding, key)
    unseen = unseen_pictures(database.identity, database.dataset)
    name, weights, found = choose(tables, database, unseen)
    report(name, weights, found)
    config = {
        "networks": networks.config,
        "gallery": GALLERY,
        "local": local,
        "shortlist": SHORTLIST,
        "evidence": {dataset: one.as_json() for dataset, one in weights.items()},
        "thresholds": {dataset: one.value for dataset, one in found.items()},
    }
    arrays = {
        "embedding": networks.embedding,
        **networks.components.arrays(),
        "orientation": database.orientation,
        **gallery.arrays(),
    }
    contents = {
        GALLERY: gallery_bytes(Gallery(database.identity, database.dataset), arrays),
        **networks.contents,
    }
    digest = table_digest(options.data)
    source = f"python -m training.reid.open_set_ensemble (metadata.csv sha256 {digest})"
    total = write_submission(options.out, config, contents, source, REQUIRES, networks.origins)
    print(f"{options.out}: {total} bytes of weights")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Build the submission open_set_ensemble.")
    submissions = ROOT / "submissions"
    parser.add_argument("--data", type=Path, default=ROOT / "sample_data" / "reid" / "train")
    parser.add_argument("--out", type=Path, default=submissions / "open_set_ensemble")
    parser.add_argument("--triplet", type=Path, default=submissions / "triplet_centroids")
    parser.add_argument("--swin", type=Path, default=submissions / "megadescriptor_cosine")
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    try:
        # Sums are split over threads, and so round otherwise with another number of them.
        with threadpool_limits(limits=1):
            build(options)
    except (DataError, OSError, ValueError, RuntimeError) as error:
        print(f"open_set_ensemble: {error}", file=sys.stderr)
        return 1
    print(f"{time.perf_counter() - started:.0f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
