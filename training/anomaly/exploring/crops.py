"""The crops of a folder of training data, cut as the submissions cut them, and their features."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.anomaly.camera_traps import IMAGES, Box, Frame
from training.anomaly.simclr.files import read_encoder_folder
from training.common.base_network import base_file, base_settings
from training.common.cache import DEFAULT_FOLDER, Features, file_digest, kept_arrays
from training.common.digests import short_digest
from training.common.errors import DataError, FeatureError
from training.common.images import UNREADABLE
from wildlife_anomaly import encoder as encoders
from wildlife_anomaly.crops import box_window, crop_square, rescaled, served_frame
from wildlife_anomaly.encoder import WINDOW, ServedEncoder
from wildlife_backbone.features import read_base

BATCH = 32
MARGIN = 0.1  # around a box, as a share of its longer side
FROZEN_SIZE = 224  # pixels of the square that the frozen base sees

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Crop:
    """A box of a frame; `number` counts the frame's boxes from 1."""

    frame: Frame
    box: Box
    number: int

    @property
    def name(self) -> str:
        """Return the frame's file name and the number of its box."""
        return f"{self.frame.file_name}#{self.number}"


class Encoder(Protocol):
    """What gives features of crops: (n, size, size, 4) bytes, RGB and window -> (n, d).

    digest: tells one encoder, with its preprocessing, from another; name: for people.
    """

    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def margin(self) -> float: ...

    def features(self, pixels: Pixels) -> Features: ...


@dataclass(frozen=True)
class NetworkEncoder:
    """A network that serves (wildlife_anomaly/encoder.py), as an `Encoder` of crops."""

    name: str
    digest: str
    size: int
    margin: float
    served: ServedEncoder

    def features(self, pixels: Pixels) -> Features:
        """Return features (n, d) of (n, size, size, 4) bytes."""
        return np.asarray(self.served.of_crops(pixels), dtype=np.float32)


def frozen_base() -> NetworkEncoder:
    """Return EfficientNet-Lite0 with ImageNet weights: stage 6, averaged over the crop.

    Raises TrainingError where pip cannot get the weights.
    """
    path = base_file("lite0")
    half = [0.5] * 3
    settings = {"image_size": FROZEN_SIZE, "margin": MARGIN, "mean": half, "std": half}
    settings |= {"base": base_settings("lite0", (6,), (1, 1))}
    network = encoders.Encoder(settings)
    read_base(network, path)
    name = "EfficientNet-Lite0, ImageNet weights, frozen (stage 6, mean)"
    return _network_encoder(name, network.eval(), settings, [path])


def trained_encoder(folder: Path) -> NetworkEncoder:
    """Return the encoder that `python -m training.anomaly.train_simclr --out FOLDER` made.

    Raises FolderError where the folder holds none, or weights of another network.
    """
    network, settings, _ = read_encoder_folder(folder)
    named = (settings.get("weights"), settings.get("base", {}).get("weights"))
    files = [folder / str(name) for name in named if name]
    return _network_encoder(f"the encoder of {folder.name}", network, settings, files)


def _network_encoder(
    name: str, network: encoders.Encoder, settings: Mapping[str, Any], files: Sequence[Path]
) -> NetworkEncoder:
    digest = short_digest(json.dumps(settings, sort_keys=True), *map(file_digest, files))
    size, margin = int(settings["image_size"]), float(settings["margin"])
    return NetworkEncoder(name, digest, size, margin, ServedEncoder(network))


def crops_of(frames: Sequence[Frame]) -> list[Crop]:
    """List the boxes of all frames, in the frames' order."""
    return [
        Crop(frame, box, number) for frame in frames for number, box in enumerate(frame.boxes, 1)
    ]


def squares(folder: Path, frames: Sequence[Frame], size: int, margin: float) -> Iterator[Pixels]:
    """Yield (size, size, 4) bytes for each box: RGB and its window; each image is read once.

    Raises DataError that names all images that cannot be read; nothing more is yielded then.
    """
    problems: list[str] = []
    for frame in frames:
        path = folder / IMAGES / frame.file_name
        try:
            with Image.open(path) as image:
                seen = served_frame(image)
        except UNREADABLE as error:
            problems.append(f"{path} cannot be read: {error}")
            continue
        for box in frame.boxes if not problems else ():
            whole = (box.left, box.top, box.width, box.height)
            place = rescaled(whole, (frame.width, frame.height), seen.size)
            window = box_window(place, size, margin, WINDOW)
            yield np.dstack([crop_square(seen, place, size, margin), window])
    if problems:
        head = f"{len(problems)} of {len(frames)} images cannot be used, nothing was written"
        raise DataError("\n  ".join([head, *problems]))


def crop_features(
    folder: Path, frames: Sequence[Frame], encoder: Encoder, cache: Path = DEFAULT_FOLDER
) -> Features:
    """Return features (crops, d) of all boxes, kept on disk.

    The key is what they depend on: the bytes of the images, the boxes and the encoder. Raises
    DataError that names all unreadable images; FeatureError where a value is not finite.
    """
    with_boxes = [frame for frame in frames if frame.boxes]
    digests = [file_digest(folder / IMAGES / frame.file_name) for frame in with_boxes]
    boxes = [[(b.left, b.top, b.width, b.height) for b in frame.boxes] for frame in with_boxes]
    what: list[Any] = [encoder.digest, encoder.size, encoder.margin, digests, boxes]
    path = cache / f"crops-{short_digest(json.dumps(what))}.npz"
    found = kept_arrays(path, lambda: {"features": _computed(folder, with_boxes, encoder)})
    return np.asarray(found["features"], dtype=np.float32)


def _computed(folder: Path, frames: Sequence[Frame], encoder: Encoder) -> Features:
    pixels = squares(folder, frames, encoder.size, encoder.margin)
    found = np.concatenate([encoder.features(np.stack(some)) for some in _batches(pixels)])
    broken = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if len(broken):
        names = [crop.name for crop in crops_of(frames)]
        shown = ", ".join(names[row] for row in broken[:5].tolist())
        raise FeatureError(
            f"the features of {len(broken)} of {len(found)} crops are not finite ({shown}): "
            "damaged weights?"
        )
    return found


def _batches(pixels: Iterator[Pixels]) -> Iterator[list[Pixels]]:
    while some := list(islice(pixels, BATCH)):
        yield some
