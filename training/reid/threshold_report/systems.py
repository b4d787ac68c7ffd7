"""The systems whose threshold rules training/reid/threshold_report/report.py compares."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from training.common.errors import DataError
from training.reid.database import Database
from training.reid.embedding import swin, triplet
from training.reid.images import ServedImages, read_squares
from training.reid.landmarks.files import landmark_path, read_landmarks
from training.reid.matching.pairs import all_pairs
from training.reid.matching.sift import SETTINGS, sift_matcher
from training.reid.thresholds.nearest import (
    Names,
    Nearest,
    Rows,
    Scores,
    nearest_by_cosine,
    nearest_centroid,
)
from training.reid.thresholds.validation import validation_rows, without_twins
from wildlife_reid.swin import swin_descriptor
from wildlife_reid.triplet import TripletNetwork

PIXELS = 32
COSINE = 0.6  # published with MegaDescriptor (wildlife-datasets, baselines/AnimalCLEF2025)
# The distance of two embeddings of length 1 whose cosine is 0.6, as a score.
DISTANCE = -float(np.sqrt(2 - 2 * COSINE))

Matrix = NDArray[np.floating]
Paths = Sequence[Path]


@dataclass(frozen=True)
class System:
    """A system that names individuals, with its published threshold, if it has one.

    nearest: makes a `Nearest` from image paths (n,), the database's first, and their identities
    (n,); validation: the database's images (d,) that the system was not trained on.
    """

    title: str
    nearest: Callable[[Paths, Names], Nearest]
    published: float | None
    validation: NDArray[np.bool_]


def by_embedding(
    embed: Callable[[Paths], Matrix], rule: Callable[[Matrix, Names], Nearest]
) -> Callable[[Paths, Names], Nearest]:
    """Make `System.nearest` from an embedding, paths -> (n, d), and a rule to compare two rows."""
    return lambda paths, identity: rule(embed(paths), identity)


def raw_pixels(database: Database) -> System:
    """Cosine of 32 x 32 grey pixels less the image's mean; nothing is trained."""
    nearest = by_embedding(_grey_pixels, nearest_by_cosine)
    return System("raw pixels", nearest, COSINE, _untrained(database))


def sift(database: Database) -> System:
    """The largest verified SIFT match of `wildfusion` alone; nothing is trained."""
    nearest = partial(_by_matches, database)
    return System("SIFT, verified matches", nearest, None, _untrained(database))


def triplet_centroids(folder: Path, database: Database) -> System:
    """A folder that training/reid/triplet_centroids.py trained on this database.

    Raises DataError where the folder holds no trained submission.
    """
    embed = _embedder(folder, TripletNetwork, triplet.embed_squares)
    nearest = by_embedding(embed, nearest_centroid)
    return System("triplet_centroids", nearest, DISTANCE, validation_rows(database))


def megadescriptor_cosine(folder: Path, database: Database) -> System:
    """A folder that training/reid/megadescriptor_cosine.py trained on this database.

    Raises DataError where the folder holds no trained submission.
    """
    embed = _embedder(folder, swin_descriptor, swin.embed_squares)
    nearest = by_embedding(embed, nearest_by_cosine)
    return System("megadescriptor_cosine", nearest, COSINE, validation_rows(database))


def _untrained(database: Database) -> NDArray[np.bool_]:
    """(n,): all images whose file is in the database once."""
    return without_twins(database, np.ones(len(database), dtype=np.bool_))


def _by_matches(database: Database, paths: Paths, identity: Names) -> Nearest:
    matcher = sift_matcher(ServedImages(paths, SETTINGS.image_size), gallery=len(database))
    pairs, _ = all_pairs(matcher, database)

    def scores(query: int, rows: Rows) -> Scores:
        # Pairs inside the database were compared already; other queries are not in that table.
        if query < len(database):
            return np.asarray(pairs[query, rows])
        return matcher.score(query, rows)

    def nearest(gallery: Rows, queries: Rows) -> tuple[Names, Scores]:
        table = np.stack([scores(query, gallery) for query in queries.tolist()])
        return identity[gallery[table.argmax(axis=1)]], table.max(axis=1)

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
    embed_squares: Callable[[nn.Module, Tensor, Mapping[str, Any]], Matrix],
) -> Callable[[Paths], Matrix]:
    """The embedding of a trained submission folder: paths -> (n, d). Raises DataError."""
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
        return embed_squares(network, squares, settings)

    return embed
