"""Write a trained submission into its folder, and say how large its weights are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.common.console import say
from training.common.submission_files import write_submission
from training.reid.images import table_digest


def made_by(command: str, data: Path) -> str:
    """The source that the manifest names: the command, and the table that it read."""
    return f"{command} (metadata.csv sha256 {table_digest(data)})"


def publish(
    out: Path,
    config: Mapping[str, Any],
    contents: Mapping[str, bytes],
    source: str,
    requires: Mapping[str, str],
    origins: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Write weights (path: content), config.json and the manifest; print the weights' size.

    source: of `made_by`; origins: licence and source of files that were made elsewhere.
    """
    size = write_submission(out, config, contents, source, requires, origins)
    say(f"{out}: {size} bytes of weights")
