"""Run one submission in a process of its own and write down what it does.

    python probe.py REQUEST.json EVENTS.jsonl

Started by kit.checks.running.probing. How the model is called is decided by the ingestion
program's own plan, imported from the folder that the request names. Nothing of the kit is
imported, so that the submission sees what an organiser's program would let it see. Every attempt to
reach the network is refused and written down.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Import the parts of this program, and do what REQUEST.json says."""
    # Python has put this file's folder on the path, where `probed_submission` has no parent.
    run = import_module("probed_submission.running").run
    # The folder must not lend its modules to the submission.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != HERE]
    run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]))


if __name__ == "__main__":
    main()
