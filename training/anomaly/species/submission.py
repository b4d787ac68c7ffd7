"""Make a submission of this track of an encoder, a detector and the training frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.anomaly.camera_traps import ANNOTATIONS, read_camera_traps
from training.anomaly.found import detector_part
from training.anomaly.simclr.files import read_encoder_folder
from training.anomaly.species.choose import TITLES, table_rows
from training.anomaly.species.features import check_species, read_animals
from training.anomaly.species.fitted import Fitted, fit_species
from training.common import processes
from training.common.base_network import base_files
from training.common.console import say
from training.common.digests import short_digest
from training.common.submission_files import write_submission
from wildlife_anomaly.encoder import ServedEncoder

REQUIRES = {
    "numpy": ">=1.26",
    "Pillow": ">=10.3",
    "torch": ">=2.4",
    "torchvision": ">=0.19",
    "timm": ">=1.0.9",
    "safetensors": ">=0.4",
}


@dataclass(frozen=True)
class Build:
    """name of the submission; folder to write; data; the command, for the manifest."""

    name: str
    out: Path
    data: Path
    command: str


def check_data(data: Path) -> None:
    """Say what is wrong with DIR before hours of training, not after them. Raises DataError."""
    check_species(read_camera_traps(data))


def fit_on(
    data: Path, encoder: Path, mixed: bool
) -> tuple[Fitted, dict[str, Any], dict[str, bytes]]:
    """Fit the species to the crops of DIR; return them, and the encoder's settings and files.

    Raises DataError and FolderError.
    """
    frames = read_camera_traps(data)
    check_species(frames)
    network, settings, files = read_encoder_folder(encoder)
    day, night = read_animals(data, frames, ServedEncoder(network))
    say(f"{len(night)} animals in {len(frames)} frames, {len(day)} of them in colour")
    return fit_species(day, night, mixed), settings, files


def publish(build: Build, encoder: Path, detector: Path, mixed: bool) -> None:
    """Fit the species and write the submission. Raises DataError, FolderError and WriteFailed.

    encoder, detector: folders of trained ones.
    """
    processes.end_others()
    settings, weights = detector_part(detector)
    fitted, encoder_settings, encoder_files = fit_on(build.data, encoder, mixed)
    config = {
        "detector": dict(settings),
        "encoder": encoder_settings,
        "no_detection": round(fitted.no_detection, 9),
        "species": fitted.config,
        "validation": validation_of(fitted),
    }
    made = {str(settings["weights"]): weights, **encoder_files, **fitted.files}
    bases: dict[str, bytes] = {}
    origins: dict[str, dict[str, Any]] = {}
    for part in (settings, encoder_settings):
        content, origin = base_files(part)
        bases |= content
        origins |= origin
    digest = short_digest(build.data / ANNOTATIONS)
    source = f"{build.command} (annotations.json sha256 {digest})"
    requires = {**REQUIRES, "scikit-learn": f"=={fitted.config['scikit_learn']}"}
    write_submission(build.name, build.out, config, {**made, **bases}, source, requires, origins)
    say(f"{build.out}: {sum(map(len, made.values())) / 1e6:.2f} MB of trained files")


def validation_of(fitted: Fitted) -> dict[str, Any]:
    """What config.json says of the choice, for the reader: every row that was compared."""
    rows = [dict(zip(TITLES[:4], cells, strict=False)) for cells in table_rows(fitted.choice)]
    return {"species left out in turn": rows, "chosen": fitted.choice.best.title}
