"""Compare two files of predictions for one reference table; print the comparison as JSON.

    python3 compare.py INPUT_DIR [RESAMPLES]

reads INPUT_DIR/stored/predictions.txt (before), INPUT_DIR/res/predictions.txt (now), the one CSV
file of INPUT_DIR/ref, and INPUT_DIR/metadata.csv where it exists. `kit compare` starts it; the
platform does not. Exit status: 0 compared; 1 a table cannot be used, with a message; 2 wrong usage.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from wildlife_scoring.bootstrap.comparison import compare_folder
from wildlife_scoring.json_program import run_analysis


def main(arguments: Sequence[str]) -> int:
    """Compare what INPUT_DIR holds and return the exit status."""
    return run_analysis("compare", arguments, compare_folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
