"""The landmark network of a submission: read from a file, put into a folder, copied to another."""

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
    """None without a path: pictures are taken whole. Raises DataError."""
    if path is None:
        return None
    try:
        return read_landmark_network(path.parent, {"landmarks": path.name})
    except (OSError, RuntimeError, SafetensorError) as error:
        raise DataError(
            f"{path}: expected what training/reid/landmarks/train.py writes: {error}"
        ) from error


def landmark_path(folder: Path, settings: Mapping[str, Any]) -> Path | None:
    """Of a submission's network, as its settings in config.json say; None for whole pictures."""
    return folder / str(settings["landmarks"]) if settings.get("landmarks") else None


def landmark_files(path: Path | None) -> dict[str, bytes]:
    """What a submission folder gets of it. Raises OSError."""
    return {} if path is None else {LANDMARKS: path.read_bytes()}


@dataclass(frozen=True)
class Pose:
    """Options of a training script: a file of train_landmarks.py, by which animals are brought into
    one pose, and a folder of other individuals to train on as well."""

    landmarks: Path | None = None
    more: Path | None = None

    def as_given(self) -> str:
        """As on a command line, for the manifest."""
        named = {"--landmarks": self.landmarks, "--more": self.more}
        return "".join(f" {name} {path}" for name, path in named.items() if path is not None)


WHOLE = Pose()  # whole pictures of the database alone


def add_pose_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--landmarks", type=Path, help="file of train_landmarks.py: animals in one pose"
    )
    parser.add_argument("--more", type=Path, help="folder of other individuals, trained on as well")


def check_pose_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Ends the program where a preset for animals in one pose is given without a network."""
    if options.preset.startswith("aligned") and options.landmarks is None:
        parser.error(
            f"--preset {options.preset} needs --landmarks FILE (training/reid/landmarks/train.py)"
        )
