"""Load one submission and predict what arrives on standard input, until that ends.

    python server.py SETUP.json ANSWERS_FD

Started by kit.predicting.serving. The ingestion program's own plan and pipeline call the model;
they are imported from the folder that SETUP.json names. What a submission prints goes to the log.
An image that cannot be read, and an image on which the submission fails, is an error in the
answer, not the end.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Import the parts of this program, and run it."""
    # Python has put this file's folder on the path, where `served_submission` has no parent.
    run = import_module("served_submission.answers").run
    # The folder must not lend its modules to the submission.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != HERE]
    run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), int(sys.argv[2]))


if __name__ == "__main__":
    main()
