"""Modules that make the artifacts of a track, run one after another (`make artifacts-TRACK`)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence


def run_modules(commands: Sequence[Sequence[str]]) -> int:
    """Run `python -m MODULE ARGUMENT...` for each command; stop at the first that fails.

    Args:
        commands: a module's dotted name and its arguments.

    Returns the exit status of the last module that ran.
    """
    for module, *arguments in commands:
        print(f"--- python -m {' '.join([module, *arguments])}", flush=True)
        status = subprocess.run([sys.executable, "-m", module, *arguments], check=False).returncode
        if status:
            return status
    return 0
