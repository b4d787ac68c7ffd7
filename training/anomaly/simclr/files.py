"""The folder of a trained encoder: encoder.json and what training changed.

encoder.json holds the settings of `Encoder`, with `weights` where training changed any.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.common.atomic import write_all
from training.common.base_network import base_files, base_tensors, round_to_half
from training.common.errors import FolderError
from wildlife_anomaly.encoder import Encoder, read_encoder

SETTINGS, WEIGHTS = "encoder.json", "weights/encoder.safetensors"


def encoder_files(encoder: Encoder, settings: Mapping[str, Any]) -> dict[str, bytes]:
    """Round what training changed to half precision; return it by path, if it is anything.

    Raises TrainingError where half precision cannot hold a value.
    """
    if not settings.get("weights"):
        return {}
    base = base_tensors(encoder, settings) if "base" in settings else {}
    return {WEIGHTS: round_to_half(encoder, base)}


def write_encoder(folder: Path, settings: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    """Write the folder, the base's file too; the settings come last."""
    base, _ = base_files(settings)
    text = (json.dumps(settings, indent=2) + "\n").encode()
    write_all(folder, {**base, **files, SETTINGS: text})


def read_encoder_folder(folder: Path) -> tuple[Encoder, dict[str, Any], dict[str, bytes]]:
    """Return a trained encoder, its settings and its own files by path.

    Raises FolderError where the folder holds none, or weights of another encoder.
    """
    path = folder / SETTINGS
    try:
        settings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        encoder = read_encoder(settings, folder)
        own = [str(settings["weights"])] if "weights" in settings else []
        files = {name: (folder / name).read_bytes() for name in own}
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise FolderError(
            f"{path}: expected an encoder that `python -m training.anomaly.train_simclr --out "
            f"FOLDER` made; {error}"
        ) from error
    return encoder, settings, files
