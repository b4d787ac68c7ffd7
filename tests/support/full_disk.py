"""A command whose disk is full from its middle on.

The limit of file sizes (RLIMIT_FSIZE) stands for the disk, as in tests/kit/test_full_disk.py. It
begins before one of the command's functions is called again.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

# python -c SCRIPT MODULE FUNCTION CALLS LIMIT ARGUMENTS...
SCRIPT = """
import importlib, resource, sys
from kit.cli import main
module, name, calls, limit = sys.argv[1:5]
module = importlib.import_module(module)
function, left = getattr(module, name), [int(calls)]
def limited(*arguments, **options):
    left[0] -= 1
    if left[0] < 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    return function(*arguments, **options)
setattr(module, name, limited)
main(sys.argv[5:])
"""


def ended_by(
    function: str,
    calls: int,
    limit: int,
    *arguments: str | Path,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command whose files have a limit from the call after `calls` of `function` on."""
    module, _, name = function.rpartition(".")
    hook = [sys.executable, "-c", SCRIPT, module, name, str(calls), str(limit)]
    return subprocess.run(
        [*hook, *map(str, arguments)],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
