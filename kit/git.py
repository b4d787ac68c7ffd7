"""Ask git about a folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

_PATIENCE_S = 30


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str] | None:
    """Return how git ended, with its output; None where it hangs or is not installed."""
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True, text=True, errors="replace", timeout=_PATIENCE_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
