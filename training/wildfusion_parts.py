"""What the scripts of wildfusion, open_set_ensemble and megadescriptor_convnext share.

Reading pictures and a trained descriptor, packing SIFT features, and writing a submission's files.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from feature_cache import DEFAULT_FOLDER, FeatureCache, file_digest
from hybrid_data import DataError
from landmark_files import LANDMARKS, landmark_path, read_landmarks
from numpy.typing import NDArray
from PIL import Image
from reid_data import Database
from safetensors.torch import load_file
from sklearn.decomposition import PCA
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "submissions" / "wildfusion"))

from animal_alignment import network_input
from local_features import (
    LENGTH,
    PLACE,
    LocalFeatures,
    LocalSettings,
    local_features,
    upright_rgb,
)
from local_gallery import LocalGallery, Projection, pack
from swin_descriptor import describe, swin_descriptor

DESCRIPTOR = "weights/descriptor.safetensors"
HALF_FROM = 512
DIMENSIONS, KEPT = 32, 100  # of a gallery descriptor; key points of a gallery picture


def read_descriptor(folder: Path) -> dict[str, Any]:
    """config.json of a submission like megadescriptor_cosine. Raises DataError."""
    path = folder / "config.json"
    mend = (
        "train it first (python training/megadescriptor_cosine.py, for open_set_ensemble "
        "triplet_centroids.py), or give --descriptor"
    )
    if not path.is_file():
        raise DataError(f"{path} is missing: {mend}")
    config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if missing := [name for name in ("network", "weights") if name not in config]:
        raise DataError(f"{path} lacks {missing}: {mend}")
    weights = folder / config["weights"]
    if not weights.is_file():
        raise DataError(f"{weights} is missing: {mend}")
    return config


def descriptor_origin(weights: Path, folder: Path) -> dict[str, str]:
    """Licence and source of a descriptor's weights, from its folder's weights.json.

    A copy stays under the licence of what was copied. Raises DataError.
    """
    path, name = folder / "weights.json", weights.relative_to(folder).as_posix()
    mend = "make it anew (python training/megadescriptor_cosine.py), or give --descriptor"
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        entry = next(one for one in files if one["path"] == name)
        return {"licence": str(entry["licence"]), "source": str(entry["source"])}
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise DataError(
            f"{path}: expected licence and source of {name}, found {error!r}: {mend}"
        ) from error


def descriptor_files(
    config: Mapping[str, Any], folder: Path
) -> tuple[dict[str, bytes], dict[str, dict[str, str]]]:
    """A descriptor's weights and landmark network for another folder, with their origins.

    config: of `read_descriptor`. Raises DataError, OSError.
    """
    paths = {DESCRIPTOR: folder / str(config["weights"])}
    if landmarks := landmark_path(folder, config["network"]):
        paths[LANDMARKS] = landmarks
    contents = {name: path.read_bytes() for name, path in paths.items()}
    return contents, {name: descriptor_origin(path, folder) for name, path in paths.items()}


def read_pictures(paths: Sequence[Path]) -> list[Image.Image]:
    """All pictures, upright, RGB. Raises DataError naming all that cannot be read."""
    pictures, problems = [], []
    for path in paths:
        try:
            with Image.open(path) as image:
                pictures.append(upright_rgb(image))
        except (OSError, SyntaxError, ValueError) as error:
            problems.append(f"{path.name} cannot be read: {error}")
    if problems:
        raise DataError("\n  ".join(["pictures cannot be read, nothing was made", *problems]))
    return pictures


def picture_digest(database: Database) -> str:
    """sha256 over the bytes of all pictures, in order."""
    digests = [hashlib.sha256(path.read_bytes()).digest() for path in database.paths]
    return hashlib.sha256(b"".join(digests)).hexdigest()


def embed(
    config: Mapping[str, Any],
    folder: Path,
    database: Database,
    pictures: list[Image.Image],
    build: Callable[[Mapping[str, Any]], nn.Module] = swin_descriptor,
    describe: Callable[[nn.Module, Tensor], Tensor] = describe,
) -> NDArray[np.floating]:
    """(n, d) of length 1, from the cache where a picture was embedded before.

    In half precision from HALF_FROM numbers on, so that a gallery stays small; cosines of a small
    network may differ by less than its rounding.

    config: config.json of `folder`, a submission like megadescriptor_cosine; or like another that
    has its network by `build` and embeds by `describe`. Raises DataError for another network.
    """
    settings, weights = config["network"], folder / config["weights"]
    path = landmark_path(folder, settings)
    landmarks, known = read_landmarks(path), file_digest(path) if path else ""
    try:
        network = build(settings)
        network.load_state_dict({name: t.float() for name, t in load_file(weights).items()})
    except (KeyError, RuntimeError) as error:
        raise DataError(
            f"{folder}: its network is not the one that is expected here ({build.__name__}): "
            f"{error!r}; give --descriptor a folder that was trained by the right script"
        ) from error
    network.eval()
    by_path = dict(zip(database.paths, pictures, strict=True))

    def compute(paths: list[Path]) -> NDArray[np.float32]:
        pixels = (network_input(by_path[path], settings, landmarks) for path in paths)
        rows = [describe(network, one).numpy() for one in pixels]
        return np.asarray(np.nan_to_num(np.stack(rows)), dtype=np.float32)

    key = f"embedding 3 {json.dumps(settings, sort_keys=True)} {known}"
    cache = FeatureCache(DEFAULT_FOLDER, file_digest(weights), key)
    found = cache.features(database.paths, compute)
    return found.astype(np.float16) if found.shape[1] >= HALF_FROM else found


def packed(features: list[LocalFeatures]) -> LocalGallery:
    """The packed gallery of all pictures; principal components over all their descriptors."""
    nothing = np.zeros((0, LENGTH), np.float32)
    descriptors = np.concatenate([nothing, *(one.descriptors for one in features)])
    if len(descriptors) > DIMENSIONS:
        found = PCA(DIMENSIONS, svd_solver="covariance_eigh").fit(descriptors.astype(np.float64))
        mean, axes = found.mean_, found.components_.T
    else:
        mean, axes = np.zeros(LENGTH), np.eye(LENGTH)[:, :DIMENSIONS]
    projection = Projection(mean.astype(np.float32), axes.astype(np.float32))
    return pack(features, projection, KEPT)


def sift_features(
    paths: Sequence[Path], pictures: list[Image.Image], settings: LocalSettings
) -> list[LocalFeatures]:
    """Features of all pictures, from the cache where they were found before."""
    by_path = dict(zip(paths, pictures, strict=True))

    def compute(paths: list[Path]) -> NDArray[np.float32]:
        return np.stack([_flat(local_features(by_path[p], settings), settings) for p in paths])

    cache = FeatureCache(DEFAULT_FOLDER, "SIFT", f"1 cv2 {cv2.__version__} {settings}")
    return [_unflat(row, settings) for row in cache.features(paths, compute)]


def _flat(features: LocalFeatures, settings: LocalSettings) -> NDArray[np.float32]:
    """A row of one length for all pictures: the number of key points, and all of them."""
    table = np.zeros((settings.count, PLACE + LENGTH), dtype=np.float32)
    table[: len(features)] = np.concatenate([features.places, features.descriptors], axis=1)
    return np.concatenate([[np.float32(len(features))], table.ravel()]).astype(np.float32)


def _unflat(row: NDArray[np.float32], settings: LocalSettings) -> LocalFeatures:
    table = row[1:].reshape(settings.count, PLACE + LENGTH)[: int(row[0])]
    return LocalFeatures(table[:, :PLACE].copy(), table[:, PLACE:].copy())


def pairs_key(local: Mapping[str, Any], pictures: str) -> str:
    """What decides the scores of pairs: settings of the local stage, and all pictures."""
    return json.dumps([2, local, pictures, DIMENSIONS, KEPT], sort_keys=True)


def table_digest(folder: Path) -> str:
    return hashlib.sha256((folder / "metadata.csv").read_bytes()).hexdigest()[:16]
