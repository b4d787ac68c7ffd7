"""The systems whose threshold rules training/reid/thresholds/report.py compares."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from training.common.errors import DataError
from training.reid.database import Database, same_content
from training.reid.embedding.images import read_squares
from training.reid.embedding.recipe import embeddings, kept_back
from training.reid.embedding.swin_recipe import descriptors
from training.reid.landmarks.files import landmark_path, read_landmarks
from training.reid.matching.features import (
    packed,
    pairs_key,
    picture_digest,
    read_pictures,
    sift_features,
)
from training.reid.matching.pairs import all_pairs
from training.reid.thresholds.calibrate import Nearest, nearest_by_cosine, nearest_centroid
from wildlife_reid.local.features import LocalSettings
from wildlife_reid.local.matching import MatchSettings
from wildlife_reid.swin import swin_descriptor
from wildlife_reid.triplet import TripletNetwork

ROOT = Path(__file__).resolve().parents[3]


PIXELS = 32
COSINE = 0.6  # published with MegaDescriptor (wildlife-datasets, baselines/AnimalCLEF2025)
# The distance of two embeddings of length 1 whose cosine is 0.6, as a score.
DISTANCE = -float(np.sqrt(2 - 2 * COSINE))

Matrix = NDArray[np.floating]
Paths = Sequence[Path]


@dataclass(frozen=True)
class System:
    """How a system names individuals, with the published threshold, where there is one.

    nearest: of pictures (n,), the database's first, and their individuals (n,), what
    calibrate_threshold.py asks for; unseen: the database's pictures it was not trained on.
    """

    title: str
    nearest: Callable[[Paths, NDArray[np.str_]], Nearest]
    fixed: float | None
    unseen: NDArray[np.bool_]


def by_embedding(
    embed: Callable[[Paths], Matrix], rule: Callable[[Matrix, NDArray[np.str_]], Nearest]
) -> Callable[[Paths, NDArray[np.str_]], Nearest]:
    """`System.nearest` of embed: pictures -> (n, d), and a rule that compares two of them."""
    return lambda paths, identity: rule(embed(paths), identity)


def raw_pixels(database: Database) -> System:
    """Cosine of 32 x 32 grey pixels, the mean of each picture taken away; nothing is trained."""
    nearest = by_embedding(_grey_pixels, nearest_by_cosine)
    return System("raw pixels", nearest, COSINE, _once(database))


def sift(database: Database) -> System:
    """The largest verified SIFT match of `wildfusion` alone; nothing is trained."""
    return System("SIFT, verified matches", partial(_by_matches, database), None, _once(database))


def triplet_centroids(folder: Path, database: Database) -> System:
    """A folder that training/reid/triplet_centroids.py filled from this database. Raises DataError."""
    nearest = by_embedding(_embedder(folder, TripletNetwork, embeddings), nearest_centroid)
    return System("triplet_centroids", nearest, DISTANCE, kept_back(database))


def megadescriptor_cosine(folder: Path, database: Database) -> System:
    """A folder that training/reid/megadescriptor_cosine.py filled from it. Raises DataError."""
    nearest = by_embedding(_embedder(folder, swin_descriptor, descriptors), nearest_by_cosine)
    return System("megadescriptor_cosine", nearest, COSINE, kept_back(database))


def _once(database: Database) -> NDArray[np.bool_]:
    """(n,): pictures whose file is in the database once."""
    once = np.ones(len(database), dtype=np.bool_)
    once[[row for rows in same_content(database.paths) for row in rows]] = False
    return once


def _by_matches(database: Database, paths: Paths, identity: NDArray[np.str_]) -> Nearest:
    settings, match = LocalSettings(), MatchSettings()
    features = sift_features(paths, read_pictures(paths), settings)
    gallery = packed(features[: len(database)])
    local = {"kind": "sift", "features": asdict(settings), "match": asdict(match)}
    pairs, _ = all_pairs(
        lambda row, rows: gallery.scores(features[row], rows, match),
        database.dataset, 0.0, pairs_key(local, picture_digest(database)),
    )  # fmt: skip

    def scores(query: int, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        if query < len(database):
            return np.asarray(pairs[query, rows])
        return gallery.scores(features[query], rows, match)

    def nearest(
        rows: NDArray[np.intp], queries: NDArray[np.intp]
    ) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
        table = np.stack([scores(query, rows) for query in queries.tolist()])
        return identity[rows[table.argmax(axis=1)]], table.max(axis=1)

    return nearest


def _grey_pixels(paths: Paths) -> Matrix:
    rows = []
    for path in paths:
        with Image.open(path) as image:
            small = image.convert("L").resize((PIXELS, PIXELS))
        values = np.asarray(small, dtype=np.float64).ravel()
        rows.append(values - values.mean())
    return np.stack(rows)


def _embedder(
    folder: Path,
    build: Callable[[dict[str, object]], nn.Module],
    compute: Callable[[nn.Module, Tensor, dict[str, Any]], Matrix],
) -> Callable[[Paths], Matrix]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        network = build(config["network"])
        network.load_state_dict(load_file(folder / config["weights"]))
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise DataError(f"{folder}: expected a trained submission: {error}") from error
    settings = config["network"]
    landmarks = read_landmarks(landmark_path(folder, settings))

    def embed(paths: Paths) -> Matrix:
        squares = read_squares(paths, int(settings["image_size"]), landmarks)
        return compute(network, squares, settings)

    return embed
