"""The landmark network of a submission: read its file, find it, copy it; the options of a pose."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from training.common.errors import DataError
from wildlife_reid.alignment import LandmarkNetwork, read_landmark_network

LANDMARKS = "weights/landmarks.safetensors"


def read_landmarks(path: Path | None) -> LandmarkNetwork | None:
    """Read a landmark network; None without a path, for whole images. Raises DataError."""
    if path is None:
        return None
    try:
        return read_landmark_network(path.parent, {"landmarks": path.name})
    except (OSError, RuntimeError, SafetensorError) as error:
        raise DataError(
            f"{path}: expected what training/reid/landmarks/train.py writes: {error}"
        ) from error


def landmark_path(folder: Path, settings: Mapping[str, Any]) -> Path | None:
    """Path of the landmark network that a submission's config names, or None for whole images."""
    return folder / str(settings["landmarks"]) if settings.get("landmarks") else None


def landmark_files(path: Path | None) -> dict[str, bytes]:
    """The files of a submission folder that hold the landmark network. Raises OSError."""
    return {} if path is None else {LANDMARKS: path.read_bytes()}


@dataclass(frozen=True)
class Pose:
    """Options of a training script for animals in one pose.

    landmarks: file of training/reid/landmarks/train.py, with which animals are brought into one
    pose; more: folder of other individuals to train on as well.
    """

    landmarks: Path | None = None
    more: Path | None = None

    def as_given(self) -> str:
        """The options as on a command line, for the manifest."""
        named = {"--landmarks": self.landmarks, "--more": self.more}
        return "".join(f" {name} {path}" for name, path in named.items() if path is not None)


WHOLE = Pose()  # whole images of the database alone


def parse_with_pose(
    parser: argparse.ArgumentParser, arguments: list[str] | None
) -> argparse.Namespace:
    """Parse a command line that has `--preset`, with the options of a pose as well.

    Ends the program where a preset for animals in one pose is given without a network.
    """
    parser.add_argument(
        "--landmarks", type=Path, help="file of landmarks/train.py: animals in one pose"
    )
    parser.add_argument("--more", type=Path, help="folder of other individuals, trained on as well")
    options = parser.parse_args(arguments)
    if options.preset.startswith("aligned") and options.landmarks is None:
        parser.error(
            f"--preset {options.preset} needs --landmarks FILE (training/reid/landmarks/train.py)"
        )
    return options
