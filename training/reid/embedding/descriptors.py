"""Take over the trained network of another submission: copy its files, embed images with it.

wildfusion, megadescriptor_convnext and open_set_ensemble are built on networks that
megadescriptor_cosine and triplet_centroids trained.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from training.common.cache import DEFAULT_FOLDER, FeatureCache, file_digest
from training.common.errors import DataError
from training.common.predicted_features import predicted_features, refuse_another_submission
from training.reid.database import Database
from training.reid.images import ServedImages
from training.reid.landmarks.files import LANDMARKS, landmark_path, read_landmarks
from training.reid.options import SUBMISSIONS
from wildlife_backbone.features import base_path
from wildlife_backbone.networks import with_weights
from wildlife_reid.alignment import network_input
from wildlife_reid.swin import describe, swin_descriptor

DESCRIPTOR = "weights/descriptor.safetensors"
HALF_FROM = 512  # numbers of an embedding
SCRIPTS = "python -m training.reid.megadescriptor_cosine or training.reid.triplet_centroids"


def add_descriptor_options(made: argparse.ArgumentParser) -> None:
    """Add --descriptor, the folder of the trained network, and --features."""
    made.add_argument(
        "--descriptor",
        type=Path,
        default=SUBMISSIONS / "megadescriptor_cosine",
        help="the submission whose network embeds the images",
    )
    made.add_argument(
        "--features",
        type=Path,
        metavar="FOLDER",
        help="take the embeddings from FOLDER, which `kit predict DESCRIPTOR DATA/images --out "
        "FOLDER --features` and `kit merge FOLDER` made",
    )


def command_with_features(name: str, options: argparse.Namespace) -> str:
    """Return the command of a submission's script, as the manifest names it."""
    taken = f" --features {options.features}" if options.features else ""
    return f"python -m training.reid.{name}{taken}"


def read_descriptor(folder: Path) -> dict[str, Any]:
    """Read config.json of a submission like megadescriptor_cosine.

    Raises DataError where the config or the weights are missing.
    """
    path = folder / "config.json"
    fix = f"train it first ({SCRIPTS}), or name another folder"
    if not path.is_file():
        raise DataError(f"{path} is missing: {fix}")
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path}: expected JSON: {error}: {fix}") from error
    if missing := [name for name in ("network", "weights") if name not in config]:
        raise DataError(f"{path} lacks {missing}: {fix}")
    weights = folder / config["weights"]
    if not weights.is_file():
        raise DataError(f"{weights} is missing: {fix}")
    return config


def descriptor_origin(weights: Path, folder: Path) -> dict[str, Any]:
    """Licence and source of a descriptor's weights, from its folder's weights.json.

    A file of a package keeps that too. A copy stays under the licence of the original. Raises
    DataError where weights.json does not name licence and source.
    """
    path, name = folder / "weights.json", weights.relative_to(folder).as_posix()
    fix = f"train it again ({SCRIPTS})"
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        entry = next(one for one in files if one["path"] == name)
        origin = {"licence": str(entry["licence"]), "source": str(entry["source"])}
        return origin | ({"package": entry["package"]} if "package" in entry else {})
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise DataError(
            f"{path}: expected licence and source of {name}, found {error!r}: {fix}"
        ) from error


def copied_weights(path: Path, half: bool) -> bytes:
    """A weight file for another folder; `half`: each tensor that float16 can hold as float16."""
    content = path.read_bytes()
    if not half:
        return content
    state = load(content)
    rounded = {name: t.half() for name, t in state.items() if t.is_floating_point()}
    finite = {name: t for name, t in rounded.items() if bool(t.isfinite().all())}
    return save({name: t.contiguous() for name, t in {**state, **finite}.items()})


def descriptor_files(
    config: Mapping[str, Any], folder: Path, name: str = DESCRIPTOR, half: bool = False
) -> tuple[dict[str, bytes], dict[str, dict[str, Any]]]:
    """A descriptor's files for another folder: weights (as `name`), base, landmarks; with origins.

    config: of `read_descriptor`. Raises DataError where an origin is missing.
    """
    weights = folder / str(config["weights"])
    contents = {name: copied_weights(weights, half)}
    origins = {name: descriptor_origin(weights, folder)}
    if base := base_path(folder, config["network"]):
        contents[config["network"]["base"]["weights"]] = base.read_bytes()
        origins[config["network"]["base"]["weights"]] = descriptor_origin(base, folder)
    if landmarks := landmark_path(folder, config["network"]):
        contents[LANDMARKS] = landmarks.read_bytes()
        origins[LANDMARKS] = descriptor_origin(landmarks, folder)
    return contents, origins


def embeddings_for(
    options: argparse.Namespace,
    config: Mapping[str, Any],
    database: Database,
    images: ServedImages,
) -> NDArray[np.floating]:
    """Return the embeddings (n, d) of the folder --features, else those of `embed`.

    options: of `add_descriptor_options`, with --data. Raises as `embed`, and FeatureError where the
    folder lacks an image, or another submission made it.
    """
    if options.features is None:
        return embed(config, options.descriptor, database, images)
    refuse_another_submission(options.features, options.descriptor)
    return _kept(predicted_features(database.paths, options.features, options.data / "images"))


def embed(
    config: Mapping[str, Any],
    folder: Path,
    database: Database,
    images: ServedImages,
    build: Callable[[Mapping[str, Any]], nn.Module] = swin_descriptor,
    describe: Callable[[nn.Module, Tensor], Tensor] = describe,
    half: bool = False,
) -> NDArray[np.floating]:
    """Embed images as unit vectors (n, d); cached per image and network.

    Galleries of HALF_FROM numbers or more are float16, which keeps them small; cosines of a smaller
    network may differ by less than float16 rounds. config: the submission's config.json, of
    `folder`; build: makes its network; describe: embeds one image; half: load weights as float16.
    Raises DataError if the config's network is not of this kind.
    """
    settings, weights = config["network"], copied_weights(folder / config["weights"], half)
    path = landmark_path(folder, settings)
    landmarks, landmark_digest = read_landmarks(path), file_digest(path) if path else ""
    network = _loaded(build, config, weights, folder)

    def compute(paths: list[Path]) -> NDArray[np.float32]:
        pixels = (network_input(images[path], settings, landmarks) for path in paths)
        rows = [describe(network, one).numpy() for one in pixels]
        return np.asarray(np.nan_to_num(np.stack(rows)), dtype=np.float32)

    seen = f"embedding 4 {images.longest}"
    key = f"{seen} {json.dumps(settings, sort_keys=True)} {landmark_digest}"
    cache = FeatureCache(DEFAULT_FOLDER, hashlib.sha256(weights).hexdigest(), key)
    return _kept(cache.features(database.paths, compute))


def _kept(vectors: NDArray[np.float32]) -> NDArray[np.floating]:
    return vectors.astype(np.float16) if vectors.shape[1] >= HALF_FROM else vectors


def _loaded(
    build: Callable[[Mapping[str, Any]], nn.Module],
    config: Mapping[str, Any],
    weights: bytes,
    folder: Path,
) -> nn.Module:
    """The network of `folder` with its weights. Raises DataError where it is of another kind."""
    try:
        network = build(config["network"])
        if base := base_path(folder, config["network"]):
            return with_weights(network, folder / config["weights"], base)
        network.load_state_dict({name: t.float() for name, t in load(weights).items()})
    except (KeyError, RuntimeError, ValueError, SafetensorError) as error:
        raise DataError(
            f"{folder}: its network is not the one that is expected here ({build.__name__}): "
            f"{error!r}; name a folder that was trained by the right script"
        ) from error
    return network.eval()
