"""Compare two files of predictions for one reference table; print the comparison as JSON.

    python3 compare.py INPUT_DIR [RESAMPLES]

reads INPUT_DIR/stored/predictions.txt (before), INPUT_DIR/res/predictions.txt (now), the one CSV
file of INPUT_DIR/ref, and INPUT_DIR/metadata.csv where it exists. Without stored/ it prints the
intervals of the metrics themselves. `kit compare` and `kit leaderboard` start it; the platform does
not. Exit status: 0 compared; 1 a table cannot be used, with a message; 2 wrong usage.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from wildlife_scoring.bootstrap.comparison import compare_folder
from wildlife_scoring.bootstrap.intervals import RESAMPLES
from wildlife_scoring.problems import ScoringError


def main(arguments: Sequence[str]) -> int:
    """Compare what INPUT_DIR holds and return the exit status."""
    if not 1 <= len(arguments) <= 2 or not all(text.isdigit() for text in arguments[1:]):
        print("usage: python3 compare.py INPUT_DIR [RESAMPLES]", file=sys.stderr)
        return 2
    resamples = int(arguments[1]) if len(arguments) > 1 else RESAMPLES
    try:
        found = compare_folder(Path(arguments[0]), resamples)
    except (ScoringError, OSError) as error:
        print(f"compare: {error}", file=sys.stderr)
        return 1
    print(json.dumps(found, allow_nan=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
