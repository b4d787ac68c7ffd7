"""The systems whose thresholds training/threshold_report.py compares, as embeddings of pictures."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from calibrate_threshold import Nearest, nearest_by_cosine, nearest_centroid
from hybrid_data import DataError
from numpy.typing import NDArray
from PIL import Image
from reid_data import Database, same_content
from safetensors.torch import load_file
from torch import nn
from triplet_pictures import read_squares
from triplet_recipe import embeddings, kept_back

ROOT = Path(__file__).resolve().parents[1]
for name in ("megadescriptor_cosine", "triplet_centroids"):
    sys.path.insert(0, str(ROOT / "submissions" / name))

from swin_descriptor import swin_descriptor  # noqa: E402
from triplet_network import TripletNetwork  # noqa: E402

PIXELS = 32
COSINE = 0.6  # published with MegaDescriptor (wildlife-datasets, baselines/AnimalCLEF2025)
# The distance of two embeddings of length 1 whose cosine is 0.6, as a score.
DISTANCE = -float(np.sqrt(2 - 2 * COSINE))

Matrix = NDArray[np.floating]


@dataclass(frozen=True)
class System:
    """embed: pictures -> (n, d); rule: how it names the best individual; fixed: the published
    threshold; unseen (n,): the database's pictures that it was not trained on."""

    title: str
    embed: Callable[[Sequence[Path]], Matrix]
    rule: Callable[[Matrix, NDArray[np.str_]], Nearest]
    fixed: float
    unseen: NDArray[np.bool_]


def raw_pixels(database: Database) -> System:
    """Cosine of 32 x 32 grey pixels, the mean of each picture taken away; nothing is trained."""
    unseen = np.ones(len(database), dtype=np.bool_)
    unseen[[row for rows in same_content(database.paths) for row in rows]] = False
    return System("raw pixels", _grey_pixels, nearest_by_cosine, COSINE, unseen)


def triplet_centroids(folder: Path, database: Database) -> System:
    """A folder that training/triplet_centroids.py filled from this database. Raises DataError."""
    embed = _embedder(folder, TripletNetwork)
    return System("triplet_centroids", embed, nearest_centroid, DISTANCE, kept_back(database))


def megadescriptor_cosine(folder: Path, database: Database) -> System:
    """A folder that training/megadescriptor_cosine.py filled from it. Raises DataError."""
    embed = _embedder(folder, swin_descriptor)
    return System("megadescriptor_cosine", embed, nearest_by_cosine, COSINE, kept_back(database))


def _grey_pixels(paths: Sequence[Path]) -> Matrix:
    rows = []
    for path in paths:
        with Image.open(path) as image:
            small = image.convert("L").resize((PIXELS, PIXELS))
        values = np.asarray(small, dtype=np.float64).ravel()
        rows.append(values - values.mean())
    return np.stack(rows)


def _embedder(
    folder: Path, build: Callable[[dict[str, object]], nn.Module]
) -> Callable[[Sequence[Path]], Matrix]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        network = build(config["network"])
        network.load_state_dict(load_file(folder / config["weights"]))
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise DataError(f"{folder}: expected a trained submission: {error}") from error
    settings = config["network"]

    def embed(paths: Sequence[Path]) -> Matrix:
        return embeddings(network, read_squares(paths, int(settings["side"])), settings)

    return embed
