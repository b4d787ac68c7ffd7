"""Write a trained submission into its folder, and say how large its weights are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.common.console import say
from training.common.submission_files import write_submission
from training.reid.images import table_digest

# Lowest versions that the submissions run with.
_VERSIONS = {
    "numpy": ">=1.26",
    "opencv-python-headless": ">=4.9",
    "Pillow": ">=10.3",
    "safetensors": ">=0.4",
    "scipy": ">=1.11",
    "timm": ">=1.0.9",
    "torch": ">=2.4",
}


def made_by(command: str, data: Path) -> str:
    """The source that the manifest names: the command, and the table that it read."""
    return f"{command} (metadata.csv sha256 {table_digest(data)})"


@dataclass(frozen=True)
class Build:
    """One run of a trainer: the submission's name, its folder, the data, and the command.

    The command is that of the script of the submission's name, where none is given.
    """

    name: str
    out: Path
    data: Path
    command: str = ""

    @property
    def source(self) -> str:
        """What the manifest names as the source of the files."""
        return made_by(self.command or f"python -m training.reid.{self.name}", self.data)


def publish(
    build: Build,
    config: Mapping[str, Any],
    contents: Mapping[str, bytes],
    packages: Sequence[str],
    origins: Mapping[str, Mapping[str, Any]],
) -> None:
    """Write code, weights (path: content), config.json, manifest; print the weights' size.

    packages: what the submission imports; origins: licence and source of files that were made
    elsewhere.
    """
    versions = {package: _VERSIONS[package] for package in packages}
    size = write_submission(
        build.name, build.out, config, contents, build.source, versions, origins
    )
    say(f"{build.out}: {size} bytes of weights")
