"""The trained network of another submission: its files for a copy, and its embedding of pictures.

wildfusion, megadescriptor_convnext and open_set_ensemble are built on networks that
megadescriptor_cosine and triplet_centroids trained.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load, save
from torch import Tensor, nn

from training.common.cache import DEFAULT_FOLDER, FeatureCache, file_digest
from training.common.errors import DataError
from training.reid.database import Database
from training.reid.landmarks.files import LANDMARKS, landmark_path, read_landmarks
from wildlife_reid.alignment import network_input
from wildlife_reid.swin import describe, swin_descriptor

DESCRIPTOR = "weights/descriptor.safetensors"
HALF_FROM = 512  # numbers of an embedding


def read_descriptor(folder: Path) -> dict[str, Any]:
    """config.json of a submission like megadescriptor_cosine. Raises DataError."""
    path = folder / "config.json"
    mend = (
        "train it first (python -m training.reid.megadescriptor_cosine or triplet_centroids.py), or "
        "name another folder"
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
    mend = "make it anew (python -m training.reid.megadescriptor_cosine or triplet_centroids.py)"
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        entry = next(one for one in files if one["path"] == name)
        return {"licence": str(entry["licence"]), "source": str(entry["source"])}
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise DataError(
            f"{path}: expected licence and source of {name}, found {error!r}: {mend}"
        ) from error


def copied_weights(path: Path, half: bool) -> bytes:
    """The file as it goes into another folder; `half`: in half precision where it can hold them."""
    content = path.read_bytes()
    if not half:
        return content
    state = load(content)
    rounded = {name: t.half() for name, t in state.items() if t.is_floating_point()}
    kept = {name: t for name, t in rounded.items() if bool(t.isfinite().all())}
    return save({name: t.contiguous() for name, t in {**state, **kept}.items()})


def descriptor_files(
    config: Mapping[str, Any], folder: Path, name: str = DESCRIPTOR, half: bool = False
) -> tuple[dict[str, bytes], dict[str, dict[str, str]]]:
    """A descriptor's weights (as `name`) and landmark network for another folder, with origins.

    config: of `read_descriptor`. Raises DataError, OSError.
    """
    weights = folder / str(config["weights"])
    contents = {name: copied_weights(weights, half)}
    origins = {name: descriptor_origin(weights, folder)}
    if landmarks := landmark_path(folder, config["network"]):
        contents[LANDMARKS] = landmarks.read_bytes()
        origins[LANDMARKS] = descriptor_origin(landmarks, folder)
    return contents, origins


def embed(
    config: Mapping[str, Any],
    folder: Path,
    database: Database,
    pictures: list[Image.Image],
    build: Callable[[Mapping[str, Any]], nn.Module] = swin_descriptor,
    describe: Callable[[nn.Module, Tensor], Tensor] = describe,
    half: bool = False,
) -> NDArray[np.floating]:
    """(n, d) of length 1, from the cache where a picture was embedded before.

    In half precision from HALF_FROM numbers on, so that a gallery stays small; cosines of a small
    network may differ by less than its rounding.

    config: config.json of `folder`, a submission like megadescriptor_cosine; or like another that
    has its network by `build` and embeds by `describe`; half: by weights in half precision, as
    `copied_weights` makes them. Raises DataError for another network.
    """
    settings, weights = config["network"], copied_weights(folder / config["weights"], half)
    path = landmark_path(folder, settings)
    landmarks, known = read_landmarks(path), file_digest(path) if path else ""
    try:
        network = build(settings)
        network.load_state_dict({name: t.float() for name, t in load(weights).items()})
    except (KeyError, RuntimeError) as error:
        raise DataError(
            f"{folder}: its network is not the one that is expected here ({build.__name__}): "
            f"{error!r}; name a folder that was trained by the right script"
        ) from error
    network.eval()
    by_path = dict(zip(database.paths, pictures, strict=True))

    def compute(paths: list[Path]) -> NDArray[np.float32]:
        pixels = (network_input(by_path[path], settings, landmarks) for path in paths)
        rows = [describe(network, one).numpy() for one in pixels]
        return np.asarray(np.nan_to_num(np.stack(rows)), dtype=np.float32)

    key = f"embedding 3 {json.dumps(settings, sort_keys=True)} {known}"
    cache = FeatureCache(DEFAULT_FOLDER, hashlib.sha256(weights).hexdigest(), key)
    found = cache.features(database.paths, compute)
    return found.astype(np.float16) if found.shape[1] >= HALF_FROM else found
